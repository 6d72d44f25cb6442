/**
 * Transactions, and what became of one whose end nobody heard.
 *
 * ```
 *   statements ──failed──▶ undone: done again where another try can succeed
 *       └─▶ COMMIT ──answered──▶ done
 *              └──the line broke──▶ unknown: done again only by work that can tell the two apart
 * ```
 *
 * Statements are pipelined: one does not wait for the answer to the one before it.
 */
import { Pool, type PoolClient, type PoolConfig } from 'pg'
import { isLineLost, isWorthAnotherTry } from './faults.ts'

export type Row = Readonly<Record<string, string | boolean | null>>

export interface Transaction {
  query(sql: string, values?: readonly unknown[]): Promise<Row[]>
  /** A statement whose answer is not waited for; if it fails, so does the transaction. */
  send(sql: string, values?: readonly unknown[]): void
}

/** What an earlier try came to, whose COMMIT was never answered. */
export interface InDoubt<Value> {
  readonly value: Value
}

export interface Transactions {
  /** Rejects with what pg threw. An unanswered COMMIT counts as failed, and may have been carried out. */
  run<Value>(work: (transaction: Transaction) => Promise<Value>): Promise<Value>
  /** The same for `work` that, done once more, finds out whether the try in doubt was carried out. */
  runKnowing<Value>(
    work: (transaction: Transaction, inDoubt: InDoubt<Value> | undefined) => Promise<Value>,
  ): Promise<Value>
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 3_000
/** The server ends a transaction that waits for its bridge so long: it locks what others need. */
const IDLE_TRANSACTION_MS = 2_000
/** Longer than others may wait for the locks of a bridge that stands still. */
const STATEMENT_TIMEOUT_MS = 4_000
const TRIES = 5
/** Of which so many on a line that breaks: whoever calls waits meanwhile. */
const LINES = 2

/** What other settings of the server or the role would take away is asked for: rows as they are, on disk. */
const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE'
const onConnection = (schema: string): string => `-c search_path=${schema} -c synchronous_commit=on`

export interface TransactionsOptions extends Pick<PoolConfig, 'connectionString' | 'max'> {
  /** A plain identifier. */
  readonly schema: string
  readonly answerTimeoutMs: number
}

export function createTransactions(options: TransactionsOptions): Transactions {
  const { schema, answerTimeoutMs, ...connection } = options
  const pool = new Pool({
    ...connection,
    pipeline: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: answerTimeoutMs,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_MS,
    options: onConnection(schema),
    application_name: 'synth-bridge',
  })
  // An idle connection that breaks is replaced at the next request, which says so if it cannot be.
  pool.on('error', () => {})
  // So is a busy one, whose break between two statements nobody else listens for: it would end the process.
  pool.on('connect', (client) => client.on('error', () => {}))

  async function runKnowing<Value>(
    work: (transaction: Transaction, inDoubt: InDoubt<Value> | undefined) => Promise<Value>,
    mayBeUnknown = true,
  ): Promise<Value> {
    let inDoubt: InDoubt<Value> | undefined
    let linesLost = 0
    for (let tries = 1; ; tries += 1) {
      const result = await attempt(await pool.connect(), (transaction) =>
        work(transaction, inDoubt),
      )
      if (result.fate === 'done') return result.value
      const { error } = result
      if (isLineLost(error)) linesLost += 1
      else if (!isWorthAnotherTry(error)) throw error
      if (tries === TRIES || linesLost === LINES) throw error
      // One that was undone says nothing of the try before it: that one has been asked after by then.
      if (result.fate === 'unknown') inDoubt = { value: result.value }
      if (result.fate === 'unknown' && !mayBeUnknown) throw error
    }
  }

  return {
    run: (work) => runKnowing(work, false),
    runKnowing: (work) => runKnowing(work),
    close: () => pool.end(),
  }
}

type Attempt<Value> =
  | { readonly fate: 'done'; readonly value: Value }
  | { readonly fate: 'undone'; readonly error: unknown }
  | { readonly fate: 'unknown'; readonly value: Value; readonly error: unknown }

async function attempt<Value>(
  client: PoolClient,
  work: (transaction: Transaction) => Promise<Value>,
): Promise<Attempt<Value>> {
  const failures: unknown[] = []
  const query = async (sql: string, values: readonly unknown[] = []): Promise<Row[]> => {
    try {
      return (await client.query<Row>(sql, [...values])).rows
    } catch (error) {
      failures.push(error)
      throw error
    }
  }
  const send = (sql: string, values?: readonly unknown[]): void => {
    // It is in `failures`, and the statement after it fails too.
    query(sql, values).catch(() => {})
  }
  let written: InDoubt<Value> | undefined
  try {
    send(BEGIN)
    const value = await work({ query, send })
    written = { value }
    const { command } = await client.query('COMMIT')
    if (failures.length > 0) throw failures[0]
    if (command !== 'COMMIT') throw new TypeError(`COMMIT was answered with ${command}`)
    client.release()
    return { fate: 'done', value }
  } catch (thrown) {
    // Answers come in order: the first is the cause, what follows says that the transaction is over.
    const error = failures[0] ?? thrown
    const isLost = isLineLost(error)
    await rollBack(client, isLost)
    return written !== undefined && isLost
      ? { fate: 'unknown', value: written.value, error }
      : { fate: 'undone', error }
  }
}

async function rollBack(client: PoolClient, isLost: boolean): Promise<void> {
  if (isLost) {
    client.release(true)
    return
  }
  try {
    await client.query('ROLLBACK')
    client.release()
  } catch {
    client.release(true)
  }
}
