/**
 * The shared store: several bridges hold one set of limits in PostgreSQL. Ledger operations go through
 * one lane, everything else is a transaction of its own, over connections of its own: however many
 * sessions are asked for, a bridge goes on saying that it lives.
 */
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import { createStore, type Store } from '../port.ts'
import { randomIds } from '../random-ids.ts'
import { type AnswerTo, runSessionRequest, type Send, type StoreRequest } from '../request.ts'
import { toStoreFault } from './faults.ts'
import { createInstances } from './instances.ts'
import { createLane } from './lane.ts'
import { LEDGER_MIGRATIONS } from './migrations.ts'
import { checkSchema, migrateAt, placeOf } from './place.ts'
import { createPostgresRows } from './rows.ts'
import { createTransactions } from './transactions.ts'

const BEAT_MS = 1_000
/** The lane's, and one to look after the instances. */
const LEDGER_CONNECTIONS = 2
const SESSION_CONNECTIONS = 6
/** How long a resolved hold answers a repeated settlement. */
const RESOLVED_KEPT_MS = 24 * 3_600_000
/** More than an instance settles in a second, and little enough for one statement. */
const FORGOTTEN_AT_ONCE = 5_000

const FORGET_RESOLVED = `
  DELETE FROM holds WHERE hold_id IN (
    SELECT hold_id FROM holds WHERE NOT is_open AND resolved_at_ms < $1
    LIMIT ${FORGOTTEN_AT_ONCE} FOR UPDATE SKIP LOCKED)`

export interface PostgresStoreOptions {
  readonly url: string
  readonly instanceId: string
  /** A plain identifier; everything of the bridge's is in this schema. */
  readonly schema?: string
  /** A line on which nothing comes back for so long is given up. */
  readonly answerTimeoutMs?: number
  /** The wall clock of what is settled for others, in milliseconds. Leases go by the server's. */
  readonly nowMs?: () => number
}

const CHANGES_SESSIONS: ReadonlySet<StoreRequest['kind']> = new Set([
  'create_session',
  'end_session',
  'add_limit',
  'raise_limit',
])

/** @throws {StoreUnavailable} */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { url, instanceId, schema = 'synth_bridge' } = options
  const { answerTimeoutMs = 5_000, nowMs = Date.now } = options
  checkSchema(schema)
  const place = placeOf(url)
  const toFault = (error: unknown): unknown => toStoreFault(error, place)
  const connection = { connectionString: url, schema, answerTimeoutMs }
  const ledger = createTransactions({ ...connection, max: LEDGER_CONNECTIONS })
  const sessions = createTransactions({ ...connection, max: SESSION_CONNECTIONS })
  const instances = createInstances(ledger, instanceId, randomIds)
  const lane = createLane({ transactions: ledger, instances, uuid: randomIds.uuid, toFault })
  const closeConnections = () => Promise.all([ledger.close(), sessions.close()])

  let isClosed = false
  const perform = async (request: StoreRequest): Promise<unknown> => {
    if (isClosed) throw new StoreUnavailable('closed', 'The store has been closed.')
    if (request.kind === 'ledger') return lane.run(request)
    try {
      if (request.kind === 'recover') return await instances.recover(request.nowMs)
      const locks = CHANGES_SESSIONS.has(request.kind)
      return await sessions.run((transaction) =>
        runSessionRequest(createPostgresRows(transaction, locks), request, randomIds),
      )
    } catch (error) {
      throw toFault(error)
    }
  }
  // `perform` answers each kind of request with what `AnswerTo` says of it.
  const send: Send = <Request extends StoreRequest>(request: Request) =>
    perform(request) as Promise<AnswerTo<Request>>

  try {
    await migrateAt(url, schema, LEDGER_MIGRATIONS)
    await ledger.run(async (transaction) => instances.sign(transaction, randomIds.uuid()))
    await instances.recover(nowMs())
  } catch (error) {
    await closeConnections()
    throw toFault(error)
  }

  const tend = async (): Promise<void> => {
    try {
      await instances.beat()
      await instances.recover(nowMs())
      await ledger.run(async (transaction) =>
        transaction.send(FORGET_RESOLVED, [nowMs() - RESOLVED_KEPT_MS]),
      )
    } catch {
      // Away just now: requests say so where somebody waits, and this is tried again in a second.
    } finally {
      tending = undefined
    }
  }
  let tending: Promise<void> | undefined
  const timer = setInterval(() => {
    tending ??= tend()
  }, BEAT_MS)

  return createStore({
    name: 'postgres',
    instanceId,
    send,
    uuid: randomIds.uuid,
    async close() {
      clearInterval(timer)
      isClosed = true
      // A last sign of life after the farewell would take the farewell back.
      await Promise.all([tending, lane.drained()])
      await instances.leave().catch(() => {
        // Others notice by the lease.
      })
      await closeConnections()
    },
  })
}
