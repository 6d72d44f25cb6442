/**
 * The tables of traces, the same in both databases but for a few words. Numbered by position, forward
 * only, each released step never changed.
 *
 * `bytes` stands before what it counts, and in an index: adding it up reads no content. The indices of
 * filters hold the owner, too: SQLite would else take the owner's, and read all that the owner has.
 */
export function traceMigrations(words: {
  readonly integer: string
  readonly bytes: string
}): readonly string[] {
  const { integer, bytes } = words
  return [
    `
  CREATE TABLE trace (
    trace_id TEXT PRIMARY KEY,
    org_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    created_at ${integer} NOT NULL,
    session_id TEXT,
    trial_id TEXT,
    job_id TEXT,
    correlation_id TEXT,
    model TEXT NOT NULL,
    status ${integer},
    outcome TEXT,
    leased_until ${integer},
    bytes ${integer} NOT NULL,
    facts TEXT NOT NULL,
    request ${bytes},
    request_pieces TEXT,
    response ${bytes},
    response_pieces TEXT
  );
  CREATE INDEX trace_age ON trace (created_at, bytes);
  CREATE INDEX traces_of_owner ON trace (org_id, user_id, created_at, trace_id);
  CREATE INDEX traces_of_session
    ON trace (session_id, org_id, user_id, created_at, trace_id) WHERE session_id IS NOT NULL;
  CREATE INDEX traces_of_trial
    ON trace (trial_id, org_id, user_id, created_at, trace_id) WHERE trial_id IS NOT NULL;
  CREATE INDEX traces_of_job
    ON trace (job_id, org_id, user_id, created_at, trace_id) WHERE job_id IS NOT NULL;
  CREATE INDEX traces_of_correlation
    ON trace (correlation_id, org_id, user_id, created_at, trace_id)
    WHERE correlation_id IS NOT NULL;

  CREATE TABLE piece (
    hash TEXT PRIMARY KEY,
    used_at ${integer} NOT NULL,
    bytes ${integer} NOT NULL,
    body ${bytes} NOT NULL
  );
  CREATE INDEX piece_use ON piece (used_at, bytes);
  `,
  ]
}
