/**
 * The database's worker thread as the bridge's thread sees it. What waits while a batch is being
 * written goes together in the next one.
 */
import { Worker } from 'node:worker_threads'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import { type FromWorker, fromWire, type ToWorker, type WorkerSettings } from './messages.ts'

/** Copying a batch to the other thread takes the bridge's time; this many take about a millisecond. */
const MAX_BATCH = 128

/** What folding leaves behind is garbage at once: a large nursery would only keep more of it. */
const TRACE_LIMITS = { maxYoungGenerationSizeMb: 16 }

/** The worker answers each kind of request with what its room says of it. */
export type SendAny = (request: object) => Promise<unknown>

export interface Thread {
  readonly send: SendAny
  /** Why it takes no more requests; undefined while it does. */
  readonly gone: StoreUnavailable | undefined
  close(): Promise<void>
}

interface Waiting {
  readonly request: object
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** @throws {StoreUnavailable} if the database cannot be opened */
export async function startThread(settings: WorkerSettings): Promise<Thread> {
  // The source runs as it stands, and built.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), {
    workerData: settings,
    ...(settings.holds === 'traces' ? { resourceLimits: TRACE_LIMITS } : {}),
  })
  const post = (message: ToWorker): void => worker.postMessage(message)
  const queue: Waiting[] = []
  let running: readonly Waiting[] = []
  let isScheduled = false
  let gone: StoreUnavailable | undefined
  const opened = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<void>()

  const flush = (): void => {
    isScheduled = false
    if (gone !== undefined || running.length > 0 || queue.length === 0) return
    running = queue.splice(0, MAX_BATCH)
    worker.ref()
    post({ kind: 'batch', requests: running.map(({ request }) => request) })
  }
  const end = (reason: StoreUnavailable): void => {
    if (gone !== undefined) return
    gone = reason
    for (const waiting of [...running, ...queue.splice(0)]) waiting.reject(reason)
    running = []
    opened.reject(reason)
    closed.resolve()
  }
  const fail = (what: string, cause?: unknown): void =>
    end(new StoreUnavailable('unavailable', `The thread of ${settings.path} ${what}.`, { cause }))

  worker.on('message', (message: FromWorker) => {
    switch (message.kind) {
      case 'ready':
        // From here on it keeps the process alive only while it works.
        worker.unref()
        opened.resolve()
        break
      case 'failed':
        opened.reject(fromWire(message.error))
        break
      case 'answers': {
        const batch = running
        running = []
        // The next batch is written while this one's answers are taken in.
        flush()
        if (running.length === 0) worker.unref()
        batch.forEach((waiting, index) => {
          const answer = message.answers[index]
          if (answer?.ok === true) waiting.resolve(answer.value)
          else waiting.reject(answer === undefined ? gone : fromWire(answer))
        })
        break
      }
      case 'closed':
        end(new StoreUnavailable('closed', 'The store has been closed.'))
        break
    }
  })
  worker.on('error', (cause) => fail('has failed', cause))
  worker.on('exit', () => fail('has ended'))

  const send: SendAny = (request) =>
    new Promise((resolve, reject) => {
      if (gone !== undefined) {
        reject(gone)
        return
      }
      queue.push({ request, resolve, reject })
      if (isScheduled || running.length > 0) return
      isScheduled = true
      queueMicrotask(flush)
    })

  await opened.promise
  return {
    send,
    get gone() {
      return gone
    },
    async close() {
      if (gone === undefined) {
        worker.ref()
        post({ kind: 'close' })
      }
      await closed.promise
      await worker.terminate()
    },
  }
}
