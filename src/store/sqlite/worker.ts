/**
 * The thread that owns the file. Commits wait for the disk; here they stall nobody's stream. What
 * arrives while one commit runs goes together in the next.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import { randomIds } from '../random-ids.ts'
import type { StoreRequest } from '../request.ts'
import { openDatabase, toStoreUnavailable } from './database.ts'
import { createEngine, type EngineOutcome } from './engine.ts'
import type { FromWorker, ToWorker, WireFailure, WorkerOptions } from './wire.ts'

const HEARTBEAT_MS = 1_000

const port = parentPort
if (port === null) throw new Error('the store worker runs in a thread of the bridge only')
const { path, instanceId } = workerData as WorkerOptions

function toWire(error: unknown): WireFailure {
  const known = toStoreUnavailable(error, path)
  if (known instanceof StoreUnavailable) {
    return { fault: known.fault, message: known.message, isRange: false }
  }
  const message = known instanceof Error ? known.message : String(known)
  return { fault: undefined, message, isRange: known instanceof RangeError }
}

const send = (message: FromWorker) => port.postMessage(message)

function start(): void {
  const db = openDatabase(path)
  const engine = createEngine(db, instanceId, randomIds)
  const waiting: { readonly id: number; readonly request: StoreRequest }[] = []
  let isRunning = false

  const answer = (id: number, outcome: EngineOutcome) =>
    send(
      outcome.ok
        ? { kind: 'result', id, result: outcome.result }
        : { kind: 'failure', id, failure: toWire(outcome.error) },
    )

  const drain = async (): Promise<void> => {
    if (isRunning) return
    isRunning = true
    while (waiting.length > 0) {
      const batch = waiting.splice(0)
      try {
        const outcomes = await engine.run(batch.map(({ request }) => request))
        batch.forEach(({ id }, index) => {
          answer(id, outcomes[index] ?? { ok: false, error: new Error('no outcome') })
        })
      } catch (error) {
        for (const { id } of batch) answer(id, { ok: false, error })
      }
    }
    isRunning = false
  }

  /** Signs of life and recovery fail quietly: whoever calls next is told. */
  const tend = async (): Promise<void> => {
    try {
      engine.beat(Date.now())
      await engine.run([{ kind: 'recover', nowMs: Date.now() }])
    } catch (error) {
      send({ kind: 'fault', failure: toWire(error) })
    }
  }
  const timer = setInterval(() => {
    if (!isRunning) void tend()
  }, HEARTBEAT_MS)

  engine.beat(Date.now())
  port?.on('message', (message: ToWorker) => {
    if (message.kind === 'close') {
      clearInterval(timer)
      db.close()
      send({ kind: 'closed' })
      port.close()
      return
    }
    waiting.push({ id: message.id, request: message.request })
    // After everything that has arrived by now.
    setImmediate(() => void drain())
  })
  void tend().then(() => send({ kind: 'ready' }))
}

try {
  start()
} catch (error) {
  send({ kind: 'refused', failure: toWire(error) })
  port.close()
}
