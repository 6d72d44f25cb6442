/** The world of a call, scripted: time that moves when told, an upstream and a client that record. */
import { NOTHING } from '../../src/budget/metric.ts'
import { UpstreamSchema } from '../../src/config/schema-upstreams.ts'
import { modelSettings, upstreamSettings } from '../../src/config/settings.ts'
import { BridgeError } from '../../src/errors.ts'
import type { CallPlan } from '../../src/gateway/call-plan.ts'
import type { CallIdentity } from '../../src/gateway/identity.ts'
import type { PlanDeps } from '../../src/gateway/plan.ts'
import type {
  ClientStream,
  Clock,
  Upstream,
  UpstreamHandler,
  UpstreamRequest,
} from '../../src/gateway/ports.ts'
import type { AttemptFacts, Spending } from '../../src/gateway/spending.ts'
import { createHistory } from '../../src/gateway/state/history.ts'
import { createLeases } from '../../src/gateway/state/leases.ts'
import type { Traces } from '../../src/gateway/trace/call-trace.ts'
import { LOCAL_CALLER } from '../../src/server/callers.ts'
import { createMemoryResponseStore } from '../../src/store/sqlite/response-engine.ts'
import type { Answer, AnswerOutcome, AnswerPhase } from '../../src/translate/answer.ts'

export class FakeClock implements Clock {
  #now = 1_000_000
  #tasks: { dueMs: number; task: () => void }[] = []

  nowMs(): number {
    return this.#now
  }

  monotonicMs(): number {
    return this.#now
  }

  after(delayMs: number, task: () => void): () => void {
    const entry = { dueMs: this.#now + delayMs, task }
    this.#tasks.push(entry)
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry)
    }
  }

  get pendingCount(): number {
    return this.#tasks.length
  }

  /** Moves time, running what falls due in order, and lets promises settle between. */
  async advance(ms: number): Promise<void> {
    await settled()
    const until = this.#now + ms
    for (;;) {
      const next = this.#tasks
        .filter((entry) => entry.dueMs <= until)
        .sort((a, b) => a.dueMs - b.dueMs)[0]
      if (next === undefined) break
      this.#tasks = this.#tasks.filter((entry) => entry !== next)
      this.#now = Math.max(this.#now, next.dueMs)
      next.task()
      await settled()
    }
    this.#now = until
    await settled()
  }
}

/** Every promise that can settle without time or the outside has. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

export interface SentRequest {
  readonly request: UpstreamRequest
  readonly handler: UpstreamHandler
  aborted: boolean
  paused: boolean
}

export class FakeUpstream implements Upstream {
  readonly sent: SentRequest[] = []

  send(request: UpstreamRequest, handler: UpstreamHandler) {
    const entry: SentRequest = { request, handler, aborted: false, paused: false }
    this.sent.push(entry)
    return {
      abort() {
        entry.aborted = true
      },
      pause() {
        entry.paused = true
      },
      resume() {
        entry.paused = false
      },
    }
  }

  get last(): SentRequest {
    const last = this.sent.at(-1)
    if (last === undefined) throw new Error('nothing was sent upstream')
    return last
  }

  /** The latest request is accepted. */
  accept(): UpstreamHandler {
    const { handler } = this.last
    handler.onSent()
    handler.onAccepted({})
    return handler
  }
}

export class FakeClient implements ClientStream {
  opened: Readonly<Record<string, string>> | undefined
  text = ''
  ended = false
  dropped = false
  answer: { status: number; headers: Readonly<Record<string, string>>; body: string } | undefined
  #blocked: (blocked: boolean) => void = () => {}
  #gone: () => void = () => {}

  open(headers: Readonly<Record<string, string>>): void {
    this.opened = headers
  }
  write(text: string): void {
    this.text += text
  }
  end(): void {
    this.ended = true
  }
  respond(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    this.answer = { status, headers, body }
  }
  onBlocked(listener: (blocked: boolean) => void): void {
    this.#blocked = listener
  }
  onGone(listener: () => void): void {
    this.#gone = listener
  }
  drop(): void {
    this.dropped = true
    this.#gone()
  }
  block(blocked: boolean): void {
    this.#blocked(blocked)
  }
  leave(): void {
    this.#gone()
  }
}

/** An answer that writes what it is told in one line each, so that order can be asserted. */
export class LineAnswer implements Answer {
  phase: AnswerPhase = 'open'
  outcome: AnswerOutcome | undefined
  outputChars = 0
  readonly #write: (text: string) => void

  constructor(write: (text: string) => void) {
    this.#write = write
  }
  open(): void {
    this.#write('open\n')
  }
  message(data: string): void {
    if (data === 'finish') this.phase = 'lingering'
    else if (data === '[DONE]') this.#finish('completed')
    else {
      this.outputChars += data.length
      this.#write(`${data}\n`)
    }
  }
  body(): void {
    this.#finish('completed')
  }
  ended(): void {
    if (this.phase === 'open') this.fail(new BridgeError('upstream_cut', 'cut'))
    else if (this.phase === 'lingering') this.#finish('completed')
  }
  fail(error: BridgeError): void {
    if (this.phase === 'finished') return
    this.#finish('failed', error)
  }
  cut(metadata: Readonly<Record<string, string>>): void {
    this.#write(`cut ${JSON.stringify(metadata)}\n`)
    this.#finish('incomplete')
  }
  keepalive(): void {
    this.#write('keepalive\n')
  }
  conclude(): void {
    this.phase = 'concluded'
    this.#write(`${this.outcome?.status ?? 'nothing'}\n`)
  }
  #finish(status: AnswerOutcome['status'], error?: BridgeError): void {
    this.phase = 'finished'
    this.outcome = { status, usage: undefined, error }
  }
}

export interface SpendingLog {
  readonly spending: Spending
  readonly settled: AttemptFacts[]
  exhaust: (metadata: Record<string, string>) => void
}

/** Admits everything and remembers how it ended. */
export function recordSpending(gate?: Promise<void>): SpendingLog {
  const log: SpendingLog = {
    settled: [],
    exhaust: () => {},
    spending: {
      async admit(_intent, onExhausted) {
        log.exhaust = onExhausted
        return {
          held: NOTHING,
          sessionId: 'sess_1',
          maxOutputTokens: undefined,
          headers: { 'x-synth-session-id': 'sess_1' },
          sent() {},
          meter() {},
          async settle(facts) {
            log.settled.push(facts)
            await gate
            return { charge: undefined, estimate: undefined }
          },
        }
      },
    },
  }
  return log
}

/** Keeps no trace. */
export const NO_TRACES: Traces = {
  begin: () => ({
    admit: async () => {},
    sending() {},
    settled() {},
    end: async () => {},
    isRequired: false,
    headers: {},
  }),
}

export const IDENTITY: CallIdentity = {
  requestId: 'req_1',
  clientKind: 'other',
  clientRequestId: undefined,
  caller: LOCAL_CALLER,
  sessionId: undefined,
  optOut: false,
  trial: undefined,
  route: 'responses',
  traceParent: undefined,
}

export function planOf(overrides: Partial<CallPlan> = {}): CallPlan {
  return {
    intent: {
      identity: IDENTITY,
      responseId: 'resp_1',
      resolved: {
        model: modelSettings('m'),
        upstream: upstreamSettings(
          'local',
          UpstreamSchema.parse({ base_url: 'http://127.0.0.1:1/v1' }),
        ),
        upstreamModel: 'm',
        apiKey: undefined,
      },
      body: '{}',
      maxOutputTokens: undefined,
    },
    target: {
      name: 'local',
      url: 'http://127.0.0.1:1/v1/chat/completions',
      headers: {},
      timeouts: { headersMs: 1000, idleMs: 1000 },
      maxRetries: 2,
    },
    streaming: true,
    headers: {},
    canned: undefined,
    upstreamBody: () => '{}',
    createAnswer: (write) => ({
      answer: new LineAnswer(write),
      body: () => '{"whole":true}',
      tellsFailure: true,
    }),
    ...overrides,
  }
}

/** Where turns are kept for as long as the test runs. */
export function memoryState(): Pick<PlanDeps, 'state' | 'history'> {
  const store = createMemoryResponseStore()
  const clock = new FakeClock()
  return {
    state: {
      store,
      keepsResponses: true,
      leases: createLeases(store, clock),
      clock,
      ids: { next: (prefix) => `${prefix}_1` },
      onFault: () => {},
    },
    history: createHistory(store),
  }
}
