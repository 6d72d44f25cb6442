/**
 * The schema, step by step: numbered by position, forward only, each released step never changed.
 * Amounts are whole numbers in the ledger's own units; what is never searched or added up is JSON.
 */
import type { ClientBase } from 'pg'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import { responseMigrations } from '../responses/schema.ts'
import { traceMigrations } from '../traces/schema.ts'

export interface Migrations {
  /** The table that says how many steps have been taken. */
  readonly table: string
  readonly steps: readonly string[]
}

const LEDGER_STEPS: readonly string[] = [
  `
  CREATE TABLE instances (
    instance_id text PRIMARY KEY,
    heartbeat_at timestamptz NOT NULL
  );

  CREATE TABLE accounts (
    account_id text PRIMARY KEY,
    status text NOT NULL,
    expires_at_ms bigint,
    spent_tokens bigint NOT NULL CHECK (spent_tokens >= 0),
    spent_nano_usd bigint NOT NULL CHECK (spent_nano_usd >= 0),
    spent_gpu_ms bigint NOT NULL CHECK (spent_gpu_ms >= 0),
    spent_calls bigint NOT NULL CHECK (spent_calls >= 0),
    reserved_tokens bigint NOT NULL CHECK (reserved_tokens >= 0),
    reserved_nano_usd bigint NOT NULL CHECK (reserved_nano_usd >= 0),
    reserved_gpu_ms bigint NOT NULL CHECK (reserved_gpu_ms >= 0),
    reserved_calls bigint NOT NULL CHECK (reserved_calls >= 0),
    limits text NOT NULL
  );

  CREATE TABLE sessions (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    session_id text PRIMARY KEY REFERENCES accounts,
    org_id text NOT NULL,
    user_id text NOT NULL,
    is_current boolean NOT NULL,
    bound_key_sha256 text,
    created_at_ms bigint NOT NULL,
    tracing_session_id text,
    details text NOT NULL
  );
  CREATE UNIQUE INDEX one_current_session ON sessions (org_id, user_id) WHERE is_current;
  CREATE INDEX sessions_of_owner ON sessions (org_id, user_id, created_at_ms);
  CREATE INDEX session_of_key ON sessions (bound_key_sha256);

  CREATE TABLE holds (
    hold_id text PRIMARY KEY,
    instance_id text NOT NULL,
    is_open boolean NOT NULL,
    resolved_at_ms bigint,
    body text NOT NULL
  );
  CREATE INDEX open_holds ON holds (instance_id) WHERE is_open;
  CREATE INDEX resolved_holds ON holds (resolved_at_ms) WHERE NOT is_open;

  CREATE TABLE records (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record_id text NOT NULL UNIQUE,
    session_id text,
    org_id text NOT NULL,
    user_id text NOT NULL,
    created_at_ms bigint NOT NULL,
    charged_tokens bigint NOT NULL CHECK (charged_tokens >= 0),
    charged_nano_usd bigint NOT NULL CHECK (charged_nano_usd >= 0),
    charged_gpu_ms bigint NOT NULL CHECK (charged_gpu_ms >= 0),
    charged_calls bigint NOT NULL CHECK (charged_calls >= 0),
    body text NOT NULL
  );
  CREATE INDEX records_of_session ON records (session_id, seq);
  CREATE INDEX records_of_owner ON records (org_id, user_id, seq);
  `,
  // Holds of bridges that left their row behind by deleting it; from here on every open hold has one.
  `
  ALTER TABLE instances ADD COLUMN last_batch uuid;
  INSERT INTO instances (instance_id, heartbeat_at)
    SELECT DISTINCT instance_id, '-infinity'::timestamptz FROM holds WHERE is_open
    ON CONFLICT DO NOTHING;
  `,
  `
  CREATE TABLE trials (
    trial_id text NOT NULL,
    scope text NOT NULL,
    expires_at_ms bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (trial_id, scope)
  );
  CREATE INDEX trials_by_expiry ON trials (expires_at_ms);
  `,
]

export const LEDGER_MIGRATIONS: Migrations = { table: 'migrations', steps: LEDGER_STEPS }

export const RESPONSE_MIGRATIONS: Migrations = {
  table: 'response_migrations',
  steps: responseMigrations({
    integer: 'bigint',
    sequence: 'bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
  }),
}

export const TRACE_MIGRATIONS: Migrations = {
  table: 'trace_migrations',
  steps: traceMigrations({ integer: 'bigint', bytes: 'bytea' }),
}

/** One of several instances that start at once does it; the others find it done. */
const LOCK = 7_340_417

/** @param schema a plain identifier @throws {StoreUnavailable} newer_schema */
export async function migrate(
  client: ClientBase,
  schema: string,
  { table, steps }: Migrations,
): Promise<void> {
  await client.query('BEGIN')
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK])
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
    await client.query(`SET LOCAL search_path TO ${schema}`)
    await client.query(`CREATE TABLE IF NOT EXISTS ${table} (version integer PRIMARY KEY)`)
    const { rows } = await client.query<{ applied: number }>(
      `SELECT coalesce(max(version), 0) AS applied FROM ${table}`,
    )
    const applied = rows[0]?.applied ?? 0
    if (applied > steps.length) {
      throw new StoreUnavailable(
        'newer_schema',
        `The database's schema "${schema}" was written by a newer synth-bridge (version ${applied}; this one knows ${steps.length}). Update this program.`,
      )
    }
    for (const [index, step] of steps.entries()) {
      if (index < applied) continue
      await client.query(step)
      await client.query(`INSERT INTO ${table} VALUES ($1)`, [index + 1])
    }
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}
