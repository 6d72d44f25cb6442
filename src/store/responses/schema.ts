/**
 * The tables of responses and conversations, the same in both databases but for the words of their
 * integers. Numbered by position, forward only, each released step never changed.
 *
 * A thread is a response with all that follow from it, or a conversation with its responses: what is
 * kept and taken out together, so that no history ever misses its beginning.
 */
export function responseMigrations(words: {
  readonly integer: string
  /** A column that numbers the rows in the order they are written. */
  readonly sequence: string
}): readonly string[] {
  const { integer, sequence } = words
  return [
    `
  CREATE TABLE thread (
    thread_id TEXT PRIMARY KEY,
    used_at ${integer} NOT NULL,
    bytes ${integer} NOT NULL
  );
  CREATE INDEX thread_use ON thread (used_at);

  CREATE TABLE response (
    response_id TEXT PRIMARY KEY,
    thread_id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    previous_id TEXT,
    conversation_id TEXT,
    conversation_end ${integer},
    state TEXT NOT NULL CHECK (state IN ('running', 'ended', 'deleted')),
    lease_until ${integer},
    cancel_asked ${integer} NOT NULL,
    is_background ${integer} NOT NULL,
    body TEXT NOT NULL,
    settings TEXT NOT NULL,
    log TEXT
  );
  CREATE INDEX responses_of_thread ON response (thread_id);
  CREATE INDEX responses_after ON response (previous_id) WHERE previous_id IS NOT NULL;

  CREATE TABLE conversation (
    conversation_id TEXT PRIMARY KEY,
    org_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    created_at ${integer} NOT NULL,
    metadata TEXT NOT NULL,
    lock_holder TEXT,
    lock_until ${integer}
  );
  CREATE INDEX conversation_locks ON conversation (lock_holder) WHERE lock_holder IS NOT NULL;

  CREATE TABLE item (
    sequence ${sequence},
    thread_id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    parent_id TEXT NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('input', 'output', 'conversation')),
    item_id TEXT,
    body TEXT NOT NULL
  );
  CREATE INDEX items_of_parent ON item (parent_id, sequence);
  CREATE INDEX items_of_thread ON item (thread_id);
  CREATE INDEX items_by_id ON item (item_id) WHERE item_id IS NOT NULL;
  `,
  ]
}
