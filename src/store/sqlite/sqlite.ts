/**
 * The embedded store: a SQLite file, owned by a worker thread so that no fsync stops the bridge. What
 * waits while a batch is being written goes together in the next.
 */
import { Worker } from 'node:worker_threads'
import { type LedgerStore, StoreUnavailable } from '../../gateway/ledger-port.ts'
import { createLedgerStore } from '../port.ts'
import { randomIds } from '../random-ids.ts'
import type { AnswerTo, Send, StoreRequest } from '../request.ts'
import { type FromWorker, fromWire, type ToWorker, type WorkerSettings } from './messages.ts'

export interface SqliteStoreOptions {
  /** Absolute. Its folder is made if it is not there. */
  readonly path: string
  readonly instanceId: string
  /** False for tests that say themselves when to recover. */
  readonly attends?: boolean
  readonly busyTimeoutMs?: number
}

/** Copying a batch to the other thread takes the bridge's time; this many take about a millisecond. */
const MAX_BATCH = 128

interface Waiting {
  readonly request: StoreRequest
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** @throws {StoreUnavailable} if it cannot be opened */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<LedgerStore> {
  const { path, instanceId, attends = true, busyTimeoutMs = 5_000 } = options
  const thread = await startThread({ path, instanceId, attends, busyTimeoutMs })
  return createLedgerStore({
    name: 'sqlite',
    instanceId,
    send: thread.send,
    uuid: randomIds.uuid,
    close: thread.close,
  })
}

interface Thread {
  readonly send: Send
  close(): Promise<void>
}

async function startThread(settings: WorkerSettings): Promise<Thread> {
  // The source runs as it stands, and built.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), {
    workerData: settings,
  })
  const post = (message: ToWorker): void => worker.postMessage(message)
  const queue: Waiting[] = []
  const running = new Map<number, readonly Waiting[]>()
  let batches = 0
  let isScheduled = false
  let gone: StoreUnavailable | undefined
  const opened = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<void>()

  const flush = (): void => {
    isScheduled = false
    if (gone !== undefined || running.size > 0 || queue.length === 0) return
    const batch = queue.splice(0, MAX_BATCH)
    batches += 1
    running.set(batches, batch)
    worker.ref()
    post({ kind: 'batch', batch: batches, requests: batch.map(({ request }) => request) })
  }
  const end = (reason: StoreUnavailable): void => {
    if (gone !== undefined) return
    gone = reason
    for (const waiting of [...running.values()].flat()) waiting.reject(reason)
    for (const waiting of queue.splice(0)) waiting.reject(reason)
    running.clear()
    opened.reject(reason)
    closed.resolve()
  }

  worker.on('message', (message: FromWorker) => {
    switch (message.kind) {
      case 'ready':
        worker.unref()
        opened.resolve()
        break
      case 'failed':
        opened.reject(fromWire(message.error))
        break
      case 'answers': {
        const batch = running.get(message.batch) ?? []
        running.delete(message.batch)
        // The next batch is written while this one's answers are taken in.
        flush()
        if (running.size === 0) worker.unref()
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
  worker.on('error', (cause) => {
    end(
      new StoreUnavailable('unavailable', 'The thread of the database has failed. Restart.', {
        cause,
      }),
    )
  })
  worker.on('exit', () => {
    end(new StoreUnavailable('unavailable', 'The thread of the database has ended. Restart.'))
  })

  const send: Send = <Request extends StoreRequest>(request: Request) =>
    new Promise<AnswerTo<Request>>((resolve, reject) => {
      if (gone !== undefined) {
        reject(gone)
        return
      }
      // The worker answers each kind of request with what `AnswerTo` says of it.
      queue.push({ request, resolve: resolve as (value: unknown) => void, reject })
      if (isScheduled || running.size > 0) return
      isScheduled = true
      queueMicrotask(flush)
    })

  await opened.promise
  return {
    send,
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
