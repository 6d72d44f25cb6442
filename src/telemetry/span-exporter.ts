/**
 * Spans to an OTLP/HTTP collector, in batches and beside the calls: what does not fit the queue is dropped
 * and counted, and a collector that is away costs a bridge nothing but that.
 *
 * ```
 *   idle ──span──▶ waiting ──5 s | a batch is full──▶ sending ──taken | refused──▶ idle | waiting
 *                     ▲                                  └──away, tries left──▶ waiting (longer each time)
 *   any ──close──▶ the queue is sent once more, for two seconds at most
 * ```
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
import { z } from 'zod'
import type { Clock } from '../gateway/ports.ts'
import type { OtlpSpan } from './spans.ts'

const MAX_QUEUED = 2_048
const MAX_BATCH = 512
const BATCH_MS = 5_000
const TIMEOUT_MS = 10_000
const CLOSE_MS = 2_000
/** Of one batch; what comes meanwhile waits in the queue. */
const MAX_TRIES = 5
const MAX_WAIT_MS = 60_000
const RETRYABLE = new Set([429, 502, 503, 504])

export interface SpanExporterOptions {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly encode: (spans: readonly OtlpSpan[]) => string
  readonly clock: Clock
  readonly fetch: typeof globalThis.fetch
  readonly onSpans: (result: 'exported' | 'dropped', count: number) => void
  /** Told when sending begins to fail, and not again before it has worked. */
  readonly onFault: (what: string) => void
}

export interface SpanExporter {
  offer(span: OtlpSpan): void
  close(): Promise<void>
}

type Sent =
  | { readonly is: 'taken'; readonly rejected: number; readonly why: string }
  | { readonly is: 'refused'; readonly why: string }
  | { readonly is: 'away'; readonly why: string; readonly afterMs: number | undefined }

const TakenSchema = z.looseObject({
  partialSuccess: z
    .looseObject({
      rejectedSpans: z.coerce.number().int().min(0).default(0),
      errorMessage: z.string().default(''),
    })
    .optional(),
})

export function createSpanExporter(options: SpanExporterOptions): SpanExporter {
  const { clock, onSpans } = options
  const queue: OtlpSpan[] = []
  let state: 'idle' | 'waiting' | 'sending' | 'closed' = 'idle'
  let cancelWait = () => {}
  let sending = Promise.resolve()
  let tries = 0
  let isFailing = false

  function schedule(delayMs: number): void {
    state = 'waiting'
    cancelWait = clock.after(delayMs, flush)
  }

  function flush(): void {
    cancelWait()
    state = 'sending'
    sending = sendBatch(TIMEOUT_MS).then((retryMs) => {
      if (state === 'closed') return
      state = 'idle'
      if (queue.length > 0) schedule(retryMs ?? (queue.length >= MAX_BATCH ? 0 : BATCH_MS))
    })
  }

  /** How long to wait before the same spans are tried again; undefined where they are dealt with. */
  async function sendBatch(timeoutMs: number): Promise<number | undefined> {
    const batch = queue.slice(0, MAX_BATCH)
    const sent = await post(options, options.encode(batch), timeoutMs)
    if (sent.is === 'away' && ++tries < MAX_TRIES && state !== 'closed') {
      fault(sent.why)
      return Math.min(sent.afterMs ?? 1_000 * 2 ** tries, MAX_WAIT_MS)
    }
    tries = 0
    queue.splice(0, batch.length)
    const dropped = sent.is === 'taken' ? Math.min(sent.rejected, batch.length) : batch.length
    if (dropped > 0) {
      onSpans('dropped', dropped)
      fault(sent.why)
    } else {
      isFailing = false
    }
    if (dropped < batch.length) onSpans('exported', batch.length - dropped)
    return undefined
  }

  function fault(why: string): void {
    if (!isFailing) options.onFault(why)
    isFailing = true
  }

  return {
    offer(span) {
      if (state === 'closed' || queue.length >= MAX_QUEUED) {
        onSpans('dropped', 1)
        return
      }
      queue.push(span)
      if (state === 'idle') schedule(BATCH_MS)
      // While a collector is away its pause stands, however much comes.
      else if (state === 'waiting' && tries === 0 && queue.length >= MAX_BATCH) flush()
    },
    async close() {
      if (state === 'closed') return
      cancelWait()
      state = 'closed'
      const untilMs = clock.monotonicMs() + CLOSE_MS
      await within(clock, CLOSE_MS, sending)
      while (queue.length > 0) {
        const leftMs = untilMs - clock.monotonicMs()
        if (leftMs <= 0) break
        await sendBatch(leftMs)
      }
      if (queue.length > 0) onSpans('dropped', queue.splice(0).length)
    },
  }
}

function within(clock: Clock, limitMs: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(limitMs, resolve)
    void work.finally(() => {
      cancel()
      resolve()
    })
  })
}

/** Never rejects. */
async function post(
  { url, headers, clock, fetch }: SpanExporterOptions,
  body: string,
  timeoutMs: number,
): Promise<Sent> {
  const tooLate = new AbortController()
  const cancel = clock.after(timeoutMs, () => tooLate.abort(new Error('no answer in time')))
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      // Credentials are for this host and no other.
      redirect: 'manual',
      signal: tooLate.signal,
    })
    const text = await response.text()
    if (response.ok) return taken(text)
    const why = `the collector answered ${response.status}`
    return RETRYABLE.has(response.status)
      ? { is: 'away', why, afterMs: retryAfterMs(response.headers.get('retry-after')) }
      : { is: 'refused', why }
  } catch (cause) {
    return { is: 'away', why: reasonOf(cause), afterMs: undefined }
  } finally {
    cancel()
  }
}

/** Whatever a collector says beside its 200, it has them; only a count of what it rejected is news. */
function taken(text: string): Sent {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = {}
  }
  const { rejectedSpans = 0, errorMessage = '' } =
    TakenSchema.safeParse(json).data?.partialSuccess ?? {}
  const why = `the collector rejected ${rejectedSpans} spans: ${errorMessage.slice(0, 200)}`
  return { is: 'taken', rejected: rejectedSpans, why }
}

function retryAfterMs(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined
}

/** Of undici's `fetch failed` the cause is what says something. */
function reasonOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  return inner instanceof Error ? inner.message : String(inner)
}
