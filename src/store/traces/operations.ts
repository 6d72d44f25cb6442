/** Every call of the port as a transaction's work over SQL, once for all databases. */
import type { TraceStore } from '../../gateway/trace/port.ts'
import type { Sql } from '../responses/sql.ts'
import type { Awaitable } from '../rows.ts'
import { find, lease, list } from './read.ts'
import { prune } from './retention.ts'
import { type RecentPieces, write } from './write.ts'

export interface TraceSettings {
  readonly redact: (text: string) => string
  readonly recentPieces: RecentPieces
}

type OperationName = Exclude<keyof TraceStore, 'close'>
type Input<Name extends OperationName> = Parameters<TraceStore[Name]>[0]
type Output<Name extends OperationName> = Awaited<ReturnType<TraceStore[Name]>>

type Operations = {
  readonly [Name in OperationName]: (
    sql: Sql,
    input: Input<Name>,
    settings: TraceSettings,
  ) => Awaitable<Output<Name>>
}

const OPERATIONS: Operations = { write, find, list, lease, prune }

export interface TraceRequest<Name extends OperationName = OperationName> {
  readonly name: Name
  readonly input: Input<Name>
}

/** A store of traces, as the one function that `createTraceStore` makes a port of. */
export type SendTrace = <Name extends OperationName>(
  request: TraceRequest<Name>,
) => Promise<Output<Name>>

export async function runTraceRequest<Name extends OperationName>(
  sql: Sql,
  { name, input }: TraceRequest<Name>,
  settings: TraceSettings,
): Promise<Output<Name>> {
  return OPERATIONS[name](sql, input, settings)
}

const NAMES = Object.keys(OPERATIONS) as OperationName[]

export function createTraceStore(send: SendTrace, close: () => Promise<void>): TraceStore {
  const calls = NAMES.map((name) => [name, (input: Input<typeof name>) => send({ name, input })])
  // The names are the port's own, and each answers with what the port says of it.
  return { ...Object.fromEntries(calls), close } as TraceStore
}
