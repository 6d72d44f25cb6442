/**
 * What is kept of one call: its response, its stream, and its part of a conversation. It is durable
 * before the client hears of the end, so that whoever has seen `response.completed` can go on from it.
 *
 * A store that cannot take it costs the client nothing but that: the answer is paid for and goes out
 * whole, and says `store: false`.
 */
import { type BridgeError, toBridgeError } from '../../errors.ts'
import type { ResponsesRequest } from '../../protocol/responses/request.ts'
import { encodeFrame } from '../../protocol/sse.ts'
import type { Ids } from '../../translate/ids.ts'
import { isRecord, tryParse } from '../../translate/narrow.ts'
import { withoutBridgeFields } from '../bridge-fields.ts'
import type { CallIdentity } from '../identity.ts'
import type { Clock } from '../ports.ts'
import { EventLog, type LoggedEvent } from './event-log.ts'
import type { NewTurn } from './expand.ts'
import type { Leases } from './leases.ts'
import type { ResponseStore, SavedTurn } from './port.ts'
import { outputOf, toStoredItem, toStoredItems, type WireItem } from './stored-item.ts'

/** A client waits for its last event this long and no longer. */
const SAVE_TIMEOUT_MS = 10_000

export interface StateDeps {
  readonly store: ResponseStore
  /** Whether responses are kept at all; conversations are, all the same. */
  readonly keepsResponses: boolean
  readonly leases: Leases
  readonly clock: Clock
  readonly ids: Ids
  /** Told when something could not be kept. */
  readonly onFault: (error: BridgeError, requestId: string) => void
}

/** A turn as it ended, for whoever remembers it besides the store. */
export interface EndedTurn {
  readonly responseId: string
  readonly turn: NewTurn
  /** The final Response object. */
  readonly response: WireItem
}

/** None of it holds the request, whose input is often megabytes, for as long as the answer runs. */
export interface TurnKeeperOptions {
  readonly isBackground: boolean
  /** The request without its input, as JSON: see `settingsOf`. */
  readonly settings: string
  readonly responseId: string
  readonly identity: CallIdentity
  /** Whether the response itself is kept, or only the conversation's part of it. */
  readonly keepsResponse: boolean
  readonly conversationId: string | undefined
  readonly writer: 'bridge' | 'upstream'
  readonly onEnded?: ((turn: EndedTurn) => void) | undefined
}

/** What an answer shows of itself to whoever keeps it. */
export interface KeptAnswer {
  /** The Response object before anything has come of it. */
  readonly opening: () => WireItem
  /** The final one; undefined until concluded. */
  readonly final: () => WireItem | undefined
}

export class TurnKeeper {
  readonly options: TurnKeeperOptions
  readonly log: EventLog
  readonly #deps: StateDeps
  /** Its items only where somebody else wants them: the store has its own form of them. */
  #turn: NewTurn | undefined
  #answer: KeptAnswer | undefined
  #input: SavedTurn['input'] | undefined
  #state: 'open' | 'kept' | 'forgotten' = 'open'
  /** Told when the log has something new that may leave. */
  #listeners = new Set<() => void>()
  #isCancelled = false

  constructor(options: TurnKeeperOptions, deps: StateDeps) {
    this.options = options
    this.#deps = deps
    this.log = new EventLog(options.writer)
  }

  get isBackground(): boolean {
    return this.options.isBackground
  }

  /** Whether its last events are there, but not yet what they say of it. */
  get isEnding(): boolean {
    return this.#state === 'open' && this.#answer?.final() !== undefined
  }

  /** Whether it is over: kept, or known not to be. */
  get isOver(): boolean {
    return this.#state !== 'open'
  }

  /** What the client has to be told where its answer could not be kept. */
  told(body: string): string {
    if (this.#state !== 'forgotten') return body
    const parsed = tryParse(body)
    return isRecord(parsed?.value) ? JSON.stringify({ ...parsed.value, store: false }) : body
  }

  /** @param prior the items that the turn goes on from */
  begins(turn: NewTurn, prior: readonly WireItem[]): void {
    this.#turn = this.options.onEnded === undefined ? { ...turn, items: [] } : turn
    const taken = new Set(prior.map(({ id }) => id))
    this.#input = toStoredItems(turn.items, this.#deps.ids, taken)
  }

  watch(answer: KeptAnswer): void {
    this.#answer = answer
  }

  record(event: LoggedEvent, number: number): void {
    this.log.add(event, number)
    // The last events wait until what they say has been kept.
    if (!this.isEnding) this.#announce()
  }

  onRecorded(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A failure from now on is a cancellation. */
  cancel(): void {
    this.#isCancelled = true
  }

  /**
   * Writes down that it runs, in the background: before the client has its id.
   *
   * @returns the Response object as it is now
   */
  async begin(): Promise<WireItem> {
    const opening = this.#answer?.opening() ?? {}
    await this.#save(opening, this.#deps.leases.untilMs())
    return opening
  }

  /**
   * Keeps the answer, which has been concluded.
   *
   * @param lastFrames what the client has not been sent yet; comes back as it is to be told
   */
  async keep(lastFrames: string): Promise<string> {
    const final = this.#answer?.final()
    const turn = this.#turn
    if (this.#state !== 'open' || final === undefined || turn === undefined) return lastFrames
    try {
      await this.#inTime(this.#save(final, undefined))
      this.#state = 'kept'
    } catch (cause) {
      this.#state = 'forgotten'
      this.#deps.onFault(toBridgeError(cause), this.options.identity.requestId)
    }
    const { responseId, keepsResponse, onEnded } = this.options
    onEnded?.({ responseId, turn, response: final })
    this.#announce()
    return this.#state === 'forgotten' && keepsResponse ? withoutStore(lastFrames) : lastFrames
  }

  /** The call is over, however: what was not kept is let go of. */
  async release(): Promise<void> {
    const { conversationId, responseId, identity } = this.options
    this.#deps.leases.drop(responseId)
    if (conversationId === undefined || this.#state === 'kept') return
    try {
      await this.#deps.store.unlockConversation({ conversationId, responseId })
    } catch (cause) {
      // The lease ends by itself.
      this.#deps.onFault(toBridgeError(cause), identity.requestId)
    }
  }

  #announce(): void {
    for (const listener of this.#listeners) listener()
  }

  #save(response: WireItem, leaseUntilMs: number | undefined): Promise<void> {
    const { responseId, identity, conversationId, keepsResponse } = this.options
    const { store, clock, ids } = this.#deps
    if (!keepsResponse && conversationId === undefined) return Promise.resolve()
    const isEnded = leaseUntilMs === undefined
    // One that had ended before anybody could stop it is what it is.
    const isCancelled = this.#isCancelled && response['status'] === 'failed'
    const shown = isCancelled ? { ...response, status: 'cancelled', error: null } : response
    const output = outputOf(response)
    const answered = response['status'] === 'completed' || response['status'] === 'incomplete'
    const { orgId, userId } = identity.caller
    return store.save({
      owner: { orgId, userId },
      responseId,
      previousResponseId: this.#turn?.previousResponseId,
      conversationId,
      input: this.#input ?? [],
      output: output.map((item) => toStoredItem(item, ids)),
      response: keepsResponse
        ? {
            body: JSON.stringify({ ...shown, output: [] }),
            log: isEnded && !this.log.isEmpty ? this.log.toJson(shown) : undefined,
            settings: this.options.settings,
            isBackground: this.isBackground,
          }
        : undefined,
      joinsConversation: answered,
      leaseUntilMs,
      nowMs: clock.nowMs(),
    })
  }

  #inTime(saving: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#deps.clock.after(SAVE_TIMEOUT_MS, () => {
        reject(new Error(`saving took longer than ${SAVE_TIMEOUT_MS} ms`))
      })
      saving.then(resolve, reject).finally(cancel)
    })
  }
}

/** The request without its input and without what is said of one call alone. */
export function settingsOf(request: ResponsesRequest): string {
  const {
    input: _input,
    stream: _stream,
    background: _background,
    previous_response_id: _previous,
    conversation: _conversation,
    ...settings
  } = request
  return JSON.stringify(withoutBridgeFields(settings))
}

/** The last event of a stream, where it must not promise that the response is kept. */
function withoutStore(frames: string): string {
  return frames
    .split('\n\n')
    .map((frame) => {
      const data = /^data: (\{.*)$/m.exec(frame)?.[1]
      const event = data === undefined ? undefined : tryParse(data)?.value
      if (!isRecord(event) || !isRecord(event['response'])) return frame
      const { type, sequence_number: number, response } = event
      const told = { ...event, response: { ...response, store: false } }
      return encodeFrame(String(type), told, Number(number)).slice(0, -2)
    })
    .join('\n\n')
}
