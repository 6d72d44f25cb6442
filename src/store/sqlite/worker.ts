/** The thread that owns the database: takes batches, answers them, and looks after bridges that died. */
import { parentPort, workerData } from 'node:worker_threads'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import { createRedactor } from '../../gateway/redact.ts'
import { randomIds } from '../random-ids.ts'
import type { StoreRequest } from '../request.ts'
import type { ResponseRequest } from '../responses/operations.ts'
import type { TraceRequest } from '../traces/operations.ts'
import { type Engine, openLedgerEngine } from './engine.ts'
import type { FromWorker, ToWorker, WireFailure, WorkerSettings } from './messages.ts'
import { openResponseEngine } from './response-engine.ts'
import { openTraceEngine } from './trace-engine.ts'

const ATTEND_MS = 1_000

const port = parentPort
if (port === null) throw new Error('worker.ts runs as a worker thread only.')
// Our own module starts this thread, with exactly these settings.
const settings = workerData as WorkerSettings
const post = (message: FromWorker): void => port.postMessage(message)

/** One thing at a time, in the order it came. */
let last: Promise<unknown> = Promise.resolve()
const inOrder = (work: () => Promise<void>): void => {
  last = last.then(work)
}

const toWire = (error: unknown): WireFailure => {
  if (error instanceof StoreUnavailable)
    return { ok: false, kind: 'unavailable', fault: error.fault, message: error.message }
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  return { ok: false, kind: 'error', name, message, stack }
}

const openTraces = async ({
  place,
  secrets,
  busyTimeoutMs,
}: WorkerSettings & { holds: 'traces' }): Promise<Engine<TraceRequest>> => {
  const redact = createRedactor(secrets)
  if (place.kind === 'sqlite') return openTraceEngine({ path: place.path, busyTimeoutMs, redact })
  // Loaded where it is used: most bridges never speak to a database server.
  const { openPostgresTraceEngine } = await import('../postgres/trace-engine.ts')
  return openPostgresTraceEngine({ ...place, redact })
}

const serve = <Request extends object>(engine: Engine<Request>): void => {
  const attend = (): void =>
    inOrder(async () => {
      try {
        await engine.attend(Date.now())
      } catch {
        // The database is away just now. Requests say so; this is tried again in a second.
      }
    })
  const attends = settings.holds !== 'traces' && settings.attends
  const timer = attends ? setInterval(attend, ATTEND_MS) : undefined
  if (attends) attend()

  port.on('message', (message: ToWorker) => {
    inOrder(async () => {
      if (message.kind === 'close') {
        clearInterval(timer)
        try {
          engine.close()
        } catch {
          // It could not write that it goes; others find out that this process has ended.
        }
        post({ kind: 'closed' })
        port.close()
        return
      }
      // The port's side sends what this engine is for.
      const answers = await engine.run(message.requests as readonly Request[])
      post({
        kind: 'answers',
        answers: answers.map((answer) => (answer.ok ? answer : toWire(answer.error))),
      })
    })
  })
  inOrder(async () => post({ kind: 'ready' }))
}

try {
  switch (settings.holds) {
    case 'ledger':
      serve<StoreRequest>(await openLedgerEngine({ ...settings, ids: randomIds }))
      break
    case 'responses':
      serve<ResponseRequest>(await openResponseEngine(settings))
      break
    case 'traces':
      serve<TraceRequest>(await openTraces(settings))
      break
  }
} catch (error) {
  post({ kind: 'failed', error: toWire(error) })
  port.close()
}
