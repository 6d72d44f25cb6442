/** Responses and conversations in PostgreSQL: the ledger's schema, tables and connections of their own. */
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import type { ResponseStore } from '../../gateway/state/port.ts'
import {
  createResponseStore,
  type OperationName,
  type Output,
  type ResponseRequest,
  runResponseRequest,
  type SendResponse,
} from '../responses/operations.ts'
import { toStoreFault } from './faults.ts'
import { RESPONSE_MIGRATIONS } from './migrations.ts'
import { checkSchema, migrateAt, placeOf } from './place.ts'
import { createTransactions } from './transactions.ts'

const MAX_CONNECTIONS = 4
const ANSWER_TIMEOUT_MS = 5_000

export interface PostgresResponseStoreOptions {
  readonly url: string
  /** A plain identifier. */
  readonly schema?: string
}

/** @throws {StoreUnavailable} */
export async function openPostgresResponseStore(
  options: PostgresResponseStoreOptions,
): Promise<ResponseStore> {
  const { url, schema = 'synth_bridge' } = options
  checkSchema(schema)
  const place = placeOf(url)
  try {
    await migrateAt(url, schema, RESPONSE_MIGRATIONS)
  } catch (error) {
    throw toStoreFault(error, place)
  }
  const transactions = createTransactions({
    connectionString: url,
    schema,
    max: MAX_CONNECTIONS,
    answerTimeoutMs: ANSWER_TIMEOUT_MS,
  })
  let isClosed = false
  const send: SendResponse = async <Name extends OperationName>(
    request: ResponseRequest<Name>,
  ): Promise<Output<Name>> => {
    if (isClosed) throw new StoreUnavailable('closed', 'The store has been closed.')
    try {
      return await transactions.run<Output<Name>>(({ query }) =>
        runResponseRequest({ all: query }, request),
      )
    } catch (error) {
      throw toStoreFault(error, place)
    }
  }
  return createResponseStore(send, async () => {
    if (isClosed) return
    isClosed = true
    await transactions.close()
  })
}
