/** The embedded store, as the bridge's thread sees it: requests out, answers back. */
import { Worker } from 'node:worker_threads'
import { type LedgerStore, StoreUnavailable } from '../../gateway/ledger-port.ts'
import { createLedgerStore } from '../port.ts'
import { randomIds } from '../random-ids.ts'
import type { AnswerTo, Send, StoreRequest } from '../request.ts'
import type { FromWorker, ToWorker, WireFailure, WorkerOptions } from './wire.ts'

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

function toError({ fault, message, isRange }: WireFailure): Error {
  if (fault !== undefined) return new StoreUnavailable(fault, message)
  return isRange ? new RangeError(message) : new Error(message)
}

/** Runs from the sources and from `dist` alike. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js',
  import.meta.url,
)

/**
 * Opens or makes the file, settles what dead bridges left, then fulfils.
 *
 * @throws {StoreUnavailable} for a file that cannot be used
 */
export async function createSqliteStore(options: WorkerOptions): Promise<LedgerStore> {
  const worker = new Worker(WORKER, { workerData: options })
  const waiting = new Map<number, Waiting>()
  let nextId = 0
  let gone: Error | undefined
  let onClosed = () => {}

  const failAll = (error: Error) => {
    gone ??= error
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }

  await new Promise<void>((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      switch (message.kind) {
        case 'ready':
          resolve()
          return
        case 'refused':
          reject(toError(message.failure))
          return
        case 'result':
          waiting.get(message.id)?.resolve(message.result)
          waiting.delete(message.id)
          return
        case 'failure':
          waiting.get(message.id)?.reject(toError(message.failure))
          waiting.delete(message.id)
          return
        case 'closed':
          onClosed()
          return
        case 'fault':
          // The next request meets the same fault and reports it where somebody waits.
          return
      }
    })
    worker.on('error', (cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const error = new StoreUnavailable('unavailable', `The store's thread died: ${reason}`, {
        cause,
      })
      failAll(error)
      reject(error)
    })
  })

  const send: Send = <Request extends StoreRequest>(request: Request) =>
    new Promise<AnswerTo<Request>>((resolve, reject) => {
      if (gone !== undefined) {
        reject(gone)
        return
      }
      const id = nextId++
      // The worker answers each kind of request with what `AnswerTo` says of it.
      waiting.set(id, { resolve: (result) => resolve(result as AnswerTo<Request>), reject })
      worker.postMessage({ kind: 'request', id, request } satisfies ToWorker)
    })

  return createLedgerStore({
    name: 'sqlite',
    instanceId: options.instanceId,
    send,
    uuid: randomIds.uuid,
    close: () =>
      new Promise((resolve) => {
        onClosed = () => {
          failAll(new StoreUnavailable('closed', 'The store has been closed.'))
          resolve()
        }
        worker.postMessage({ kind: 'close' } satisfies ToWorker)
      }),
  })
}
