/**
 * Every call of the port as a transaction's work over SQL, once for all databases. Which call it is
 * crosses to a worker thread as a value.
 */

import type { ResponseStore } from '../../gateway/state/port.ts'
import type { Awaitable } from '../rows.ts'
import * as conversations from './conversations.ts'
import * as responses from './responses.ts'
import { prune } from './retention.ts'
import type { Sql } from './sql.ts'

export type OperationName = Exclude<keyof ResponseStore, 'close'>
export type Input<Name extends OperationName> = Parameters<ResponseStore[Name]>[0]
export type Output<Name extends OperationName> = Awaited<ReturnType<ResponseStore[Name]>>

type Operations = {
  readonly [Name in OperationName]: (sql: Sql, input: Input<Name>) => Awaitable<Output<Name>>
}

const OPERATIONS: Operations = { ...responses, ...conversations, prune }

export interface ResponseRequest<Name extends OperationName = OperationName> {
  readonly name: Name
  readonly input: Input<Name>
}

/** A store of responses, as the one function that `createResponseStore` makes a port of. */
export type SendResponse = <Name extends OperationName>(
  request: ResponseRequest<Name>,
) => Promise<Output<Name>>

export async function runResponseRequest<Name extends OperationName>(
  sql: Sql,
  { name, input }: ResponseRequest<Name>,
): Promise<Output<Name>> {
  return OPERATIONS[name](sql, input)
}

const NAMES = Object.keys(OPERATIONS) as OperationName[]

export function createResponseStore(send: SendResponse, close: () => Promise<void>): ResponseStore {
  const calls = NAMES.map((name) => [name, (input: Input<typeof name>) => send({ name, input })])
  // The names are the port's own, and each answers with what the port says of it.
  return { ...Object.fromEntries(calls), close } as ResponseStore
}
