/**
 * The database's schema, as numbered steps that only go forward. `PRAGMA user_version` says how many
 * have been taken.
 *
 * Amounts are integers: tokens, nano-dollars, GPU-milliseconds, calls; times are wall-clock
 * milliseconds; what is read back only whole (facts of a call, metadata) is JSON.
 */
import type { DatabaseSync } from 'node:sqlite'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'

const amounts = (prefix: string, constraint: string): string =>
  ['tokens', 'nano_usd', 'gpu_ms', 'calls']
    .map((unit) => `${prefix}_${unit} INTEGER ${constraint} CHECK (${prefix}_${unit} >= 0)`)
    .join(',\n    ')

export const LEDGER_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE instance (
    instance_id TEXT PRIMARY KEY,
    machine TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_started TEXT NOT NULL,
    beat INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE account (
    account_id TEXT PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('active', 'limit_exceeded', 'ended', 'expired')),
    expires_at INTEGER,
    ${amounts('spent', 'NOT NULL')},
    ${amounts('reserved', 'NOT NULL')}
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX account_expiry ON account (expires_at)
    WHERE expires_at IS NOT NULL AND status IN ('active', 'limit_exceeded');

  CREATE TABLE account_limit (
    limit_id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('hard', 'soft', 'rolling_window')),
    window_ms INTEGER,
    metric TEXT NOT NULL,
    value INTEGER NOT NULL CHECK (value > 0),
    warning_threshold REAL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    exceeded_at INTEGER,
    exceeded_reason TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX limits_of_account ON account_limit (account_id, position);

  CREATE TABLE limit_bucket (
    limit_id TEXT NOT NULL,
    start_at INTEGER NOT NULL,
    end_at INTEGER NOT NULL,
    spent INTEGER NOT NULL CHECK (spent >= 0),
    PRIMARY KEY (limit_id, start_at)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE session (
    sequence INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL UNIQUE,
    org_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    api_key_id TEXT,
    is_current INTEGER NOT NULL,
    bound_key_sha256 TEXT UNIQUE,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    session_type TEXT NOT NULL,
    tracing_session_id TEXT,
    metadata TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX current_session ON session (org_id, user_id) WHERE is_current = 1;
  CREATE INDEX sessions_of_owner ON session (org_id, user_id, created_at);

  CREATE TABLE hold (
    hold_id TEXT PRIMARY KEY,
    instance_id TEXT NOT NULL,
    session_id TEXT,
    account_ids TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'sent', 'settled', 'voided')),
    call TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ${amounts('held', 'NOT NULL')},
    ${amounts('orphan', '')},
    ${amounts('charged', '')},
    outcome TEXT,
    resolved_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX open_holds ON hold (instance_id) WHERE state IN ('held', 'sent');
  CREATE INDEX resolved_holds ON hold (resolved_at) WHERE resolved_at IS NOT NULL;

  CREATE TABLE call_record (
    sequence INTEGER PRIMARY KEY,
    record_id TEXT NOT NULL,
    hold_id TEXT NOT NULL,
    session_id TEXT,
    org_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    call TEXT NOT NULL,
    usage TEXT NOT NULL,
    ${amounts('charged', 'NOT NULL')},
    outcome TEXT NOT NULL,
    overrun INTEGER NOT NULL,
    correction INTEGER NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX records_of_session ON call_record (session_id) WHERE session_id IS NOT NULL;
  CREATE INDEX records_unattached ON call_record (org_id, user_id) WHERE session_id IS NULL;
  `,
  `
  CREATE TABLE trial (
    trial_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (trial_id, scope)
  ) STRICT;
  CREATE INDEX trials_by_expiry ON trial (expires_at);
  `,
]

/** @throws {StoreUnavailable} newer_schema */
export function migrate(database: DatabaseSync, path: string, steps: readonly string[]): void {
  const version = (): number =>
    Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
  const refuseNewer = (found: number): void => {
    if (found <= steps.length) return
    throw new StoreUnavailable(
      'newer_schema',
      `${path} was written by a newer synth-bridge (its schema is ${found}, this one knows ` +
        `${steps.length}). Upgrade synth-bridge, or name another file as [server] store.`,
    )
  }
  refuseNewer(version())
  if (version() === steps.length) return
  database.exec('BEGIN IMMEDIATE')
  try {
    // Another bridge may have migrated it while this one waited for the lock.
    const from = version()
    refuseNewer(from)
    for (const step of steps.slice(from)) database.exec(step)
    database.exec(`PRAGMA user_version = ${steps.length}`)
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
