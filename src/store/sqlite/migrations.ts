/**
 * The schema, step by step. Numbered by position and forward only: a step that has been released is
 * never changed. `PRAGMA user_version` says how many have been applied.
 *
 * Amounts are integers in the ledger's own units (tokens, nano-USD, GPU-milliseconds, calls), times are
 * milliseconds since the epoch. What is never searched or added up is JSON.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE instances (
    instance_id TEXT PRIMARY KEY,
    process TEXT NOT NULL,
    heartbeat_ms INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE accounts (
    account_id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    expires_at_ms INTEGER,
    spent_tokens INTEGER NOT NULL CHECK (spent_tokens >= 0),
    spent_cost INTEGER NOT NULL CHECK (spent_cost >= 0),
    spent_gpu INTEGER NOT NULL CHECK (spent_gpu >= 0),
    spent_calls INTEGER NOT NULL CHECK (spent_calls >= 0),
    reserved_tokens INTEGER NOT NULL CHECK (reserved_tokens >= 0),
    reserved_cost INTEGER NOT NULL CHECK (reserved_cost >= 0),
    reserved_gpu INTEGER NOT NULL CHECK (reserved_gpu >= 0),
    reserved_calls INTEGER NOT NULL CHECK (reserved_calls >= 0),
    limits TEXT NOT NULL
  ) STRICT;

  CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY REFERENCES accounts (account_id),
    org_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    is_current INTEGER NOT NULL,
    bound_key_sha256 TEXT,
    created_at_ms INTEGER NOT NULL,
    tracing_session_id TEXT,
    details TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX one_current_session ON sessions (org_id, user_id) WHERE is_current = 1;
  CREATE INDEX sessions_of_owner ON sessions (org_id, user_id, created_at_ms);
  CREATE UNIQUE INDEX session_of_key ON sessions (bound_key_sha256)
    WHERE bound_key_sha256 IS NOT NULL;

  CREATE TABLE holds (
    hold_id TEXT PRIMARY KEY,
    instance_id TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    resolved_at_ms INTEGER,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX open_holds ON holds (instance_id) WHERE is_open = 1;
  CREATE INDEX resolved_holds ON holds (resolved_at_ms) WHERE is_open = 0;

  CREATE TABLE records (
    seq INTEGER PRIMARY KEY,
    record_id TEXT NOT NULL UNIQUE,
    session_id TEXT,
    org_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    charged_tokens INTEGER NOT NULL CHECK (charged_tokens >= 0),
    charged_cost INTEGER NOT NULL CHECK (charged_cost >= 0),
    charged_gpu INTEGER NOT NULL CHECK (charged_gpu >= 0),
    charged_calls INTEGER NOT NULL CHECK (charged_calls >= 0),
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX records_of_session ON records (session_id, seq);
  CREATE INDEX records_of_owner ON records (org_id, user_id, session_id, seq);
  `,
]
