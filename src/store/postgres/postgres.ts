/**
 * The shared store: several bridges hold one set of limits in PostgreSQL.
 *
 * Ledger operations that arrive while a transaction runs go together in the next, so that a session's
 * row is locked once for all of them: one hot row is served faster by one busy connection than by
 * many that wait for it. Everything else is a transaction of its own.
 *
 * A bridge says once a second that it lives, by the server's clock. One that has not for `LEASE_SECONDS`
 * is taken for gone: its holds are charged in full, because it may still be streaming.
 */
import { Pool, type PoolClient } from 'pg'
import { type LedgerStore, StoreUnavailable } from '../../gateway/ledger-port.ts'
import { runLedgerBatch } from '../ledger-batch.ts'
import { settleOrphans } from '../orphans.ts'
import { createLedgerStore } from '../port.ts'
import { randomIds } from '../random-ids.ts'
import {
  type AnswerTo,
  type LedgerRequest,
  runSessionRequest,
  type Send,
  type StoreRequest,
} from '../request.ts'
import { isWorthAnotherTry, toStoreFault } from './faults.ts'
import { migrate } from './migrations.ts'
import { createPostgresRows } from './rows.ts'

const LEASE_SECONDS = 5
const BEAT_MS = 1_000
const TRIES = 5
/** A batch's rows are locked while it runs; a larger one keeps the other instances out too long. */
const MAX_BATCH = 256
const CONNECT_TIMEOUT_MS = 3_000
const STATEMENT_TIMEOUT_MS = 10_000
/** How long a resolved hold answers a repeated settlement. */
const RESOLVED_KEPT_MS = 24 * 3_600_000

export interface PostgresStoreOptions {
  readonly url: string
  readonly instanceId: string
  /** A plain identifier; everything of the bridge's is in this schema. */
  readonly schema?: string
}

interface Waiting {
  readonly request: LedgerRequest
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/** What may be shown of a connection string. */
function placeOf(url: string): string {
  if (!URL.canParse(url)) return 'The database'
  const { hostname, port, pathname } = new URL(url)
  return `The database${pathname} at ${hostname || 'localhost'}:${port || '5432'}`
}

const CHANGES_SESSIONS: ReadonlySet<StoreRequest['kind']> = new Set([
  'create_session',
  'end_session',
  'add_limit',
  'raise_limit',
])

/** @throws {StoreUnavailable} */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<LedgerStore> {
  const { url, instanceId, schema = 'synth_bridge' } = options
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) throw new RangeError(`schema "${schema}"`)
  const place = placeOf(url)
  const pool = new Pool({
    connectionString: url,
    max: 8,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    options: `-c search_path=${schema}`,
    application_name: 'synth-bridge',
  })
  // An idle connection that breaks is replaced at the next request, which says so if it cannot be.
  pool.on('error', () => {})
  // So is a busy one, whose break between two statements nobody else listens for: it would end the process.
  pool.on('connect', (client) => client.on('error', () => {}))

  async function once<Value>(work: (client: PoolClient) => Promise<Value>): Promise<Value> {
    const client = await pool.connect()
    let broken: Error | undefined
    try {
      await client.query('BEGIN')
      const value = await work(client)
      await client.query('COMMIT')
      return value
    } catch (error) {
      await client.query('ROLLBACK').catch((cause: Error) => {
        broken = cause
      })
      throw error
    } finally {
      client.release(broken)
    }
  }

  async function transact<Value>(work: (client: PoolClient) => Promise<Value>): Promise<Value> {
    for (let tries = 1; ; tries++) {
      try {
        return await once(work)
      } catch (error) {
        if (tries >= TRIES || !isWorthAnotherTry(error)) throw toStoreFault(error, place)
      }
    }
  }

  const beat = (client: PoolClient) =>
    client.query(
      `INSERT INTO instances VALUES ($1, now())
        ON CONFLICT (instance_id) DO UPDATE SET heartbeat_at = now()`,
      [instanceId],
    )

  /** Instances without a sign of life, each taken by one that looks after it. */
  async function lostInstances(client: PoolClient): Promise<string[]> {
    const { rows } = await client.query<{ instance_id: string }>(
      `DELETE FROM instances WHERE instance_id IN (
          SELECT instance_id FROM instances
          WHERE instance_id <> $1 AND heartbeat_at < now() - make_interval(secs => $2)
          FOR UPDATE SKIP LOCKED)
        RETURNING instance_id`,
      [instanceId, LEASE_SECONDS],
    )
    const strays = await client.query<{ instance_id: string }>(
      `SELECT DISTINCT instance_id FROM holds h WHERE is_open AND instance_id <> $1
        AND NOT EXISTS (SELECT FROM instances i WHERE i.instance_id = h.instance_id)`,
      [instanceId],
    )
    return [...new Set([...rows, ...strays.rows].map((row) => row.instance_id))]
  }

  const recover = (nowMs: number) =>
    transact(async (client) => {
      const total = { settled: 0, voided: 0 }
      for (const lost of await lostInstances(client)) {
        const rows = createPostgresRows(client, true)
        const dead = { instanceId: lost, isDead: false }
        const { settled, voided } = await settleOrphans(rows, dead, randomIds, nowMs)
        total.settled += settled
        total.voided += voided
      }
      return total
    })

  const waiting: Waiting[] = []
  let isDraining = false
  const drain = async (): Promise<void> => {
    if (isDraining) return
    isDraining = true
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MAX_BATCH)
      try {
        const outcomes = await transact((client) =>
          runLedgerBatch(
            createPostgresRows(client, true),
            batch.map(({ request }) => request),
          ),
        )
        batch.forEach(({ resolve, reject }, index) => {
          const outcome = outcomes[index]
          if (outcome?.ok === true) resolve(outcome.result)
          else reject(outcome?.error)
        })
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    isDraining = false
  }

  let isClosed = false
  const perform = (request: StoreRequest): Promise<unknown> => {
    if (request.kind === 'recover') return recover(request.nowMs)
    if (request.kind === 'ledger') {
      return new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject })
        setImmediate(() => void drain())
      })
    }
    const locks = CHANGES_SESSIONS.has(request.kind)
    return transact((client) =>
      runSessionRequest(createPostgresRows(client, locks), request, randomIds),
    )
  }
  const send: Send = <Request extends StoreRequest>(request: Request) => {
    if (isClosed) {
      return Promise.reject(new StoreUnavailable('closed', 'The store has been closed.'))
    }
    // `perform` answers each kind of request with what `AnswerTo` says of it.
    return perform(request) as Promise<AnswerTo<Request>>
  }

  try {
    const client = await pool.connect()
    try {
      await migrate(client, schema)
    } finally {
      client.release()
    }
    await transact(beat)
    await recover(Date.now())
  } catch (error) {
    await pool.end()
    throw toStoreFault(error, place)
  }

  let isTending = false
  const tend = async (): Promise<void> => {
    if (isTending) return
    isTending = true
    try {
      await transact(beat)
      await recover(Date.now())
      await pool.query('DELETE FROM holds WHERE NOT is_open AND resolved_at_ms < $1', [
        Date.now() - RESOLVED_KEPT_MS,
      ])
    } catch {
      // Away just now: requests say so where somebody waits, and this is tried again in a second.
    } finally {
      isTending = false
    }
  }
  const timer = setInterval(() => void tend(), BEAT_MS)

  return createLedgerStore({
    name: 'postgres',
    instanceId,
    send,
    uuid: randomIds.uuid,
    async close() {
      clearInterval(timer)
      isClosed = true
      await pool.query('DELETE FROM instances WHERE instance_id = $1', [instanceId]).catch(() => {
        // Others notice by the lease.
      })
      await pool.end()
    },
  })
}
