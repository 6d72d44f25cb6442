/** Traces in PostgreSQL: the ledger's schema, tables and connections of their own. */

import type { Answer } from '../sqlite/database.ts'
import type { Engine } from '../sqlite/engine.ts'
import { runTraceRequest, type TraceRequest } from '../traces/operations.ts'
import { createRecentPieces } from '../traces/write.ts'
import { toStoreFault } from './faults.ts'
import { TRACE_MIGRATIONS } from './migrations.ts'
import { checkSchema, migrateAt, placeOf } from './place.ts'
import { createTransactions } from './transactions.ts'

const MAX_CONNECTIONS = 2
const ANSWER_TIMEOUT_MS = 10_000

export interface PostgresTraceEngineOptions {
  readonly url: string
  /** A plain identifier. */
  readonly schema: string
  readonly redact: (text: string) => string
}

/** @throws {StoreUnavailable} */
export async function openPostgresTraceEngine(
  options: PostgresTraceEngineOptions,
): Promise<Engine<TraceRequest>> {
  const { url, schema } = options
  checkSchema(schema)
  const place = placeOf(url)
  try {
    await migrateAt(url, schema, TRACE_MIGRATIONS)
  } catch (error) {
    throw toStoreFault(error, place)
  }
  const transactions = createTransactions({
    connectionString: url,
    schema,
    max: MAX_CONNECTIONS,
    answerTimeoutMs: ANSWER_TIMEOUT_MS,
  })
  const settings = { redact: options.redact, recentPieces: createRecentPieces() }

  const runTogether = (requests: readonly TraceRequest[]): Promise<readonly unknown[]> =>
    transactions.run(async ({ query }) => {
      const values: unknown[] = []
      for (const request of requests)
        values.push(await runTraceRequest({ all: query }, request, settings))
      return values
    })
  const runOne = async (request: TraceRequest): Promise<Answer> => {
    try {
      const [value] = await runTogether([request])
      return { ok: true, value }
    } catch (error) {
      settings.recentPieces.clear()
      return { ok: false, error: toStoreFault(error, place) }
    }
  }

  return {
    async run(requests) {
      if (requests.length > 1) {
        try {
          const values = await runTogether(requests)
          return values.map((value) => ({ ok: true, value }))
        } catch {
          // One of them cannot be written, or the line broke: each says so for itself.
          settings.recentPieces.clear()
        }
      }
      const answers: Answer[] = []
      for (const request of requests) answers.push(await runOne(request))
      return answers
    },
    attend: async () => {},
    close: () => void transactions.close(),
  }
}
