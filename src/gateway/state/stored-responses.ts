/**
 * Responses after their call: asked for, listened to, cancelled, deleted, gone on from.
 *
 * @see https://platform.openai.com/docs/api-reference/responses
 */
import type { Owner } from '../../budget/hold.ts'
import { BridgeError } from '../../errors.ts'
import { toErrorEvent, toResponseFailure } from '../../translate/to-responses/failure.ts'
import { IN_PROGRESS } from '../../translate/to-responses/standing.ts'
import type { ClientStream, Clock } from '../ports.ts'
import type { Background } from './background.ts'
import { EventLog } from './event-log.ts'
import type { FoundResponse, ItemPage, PageRequest, ResponseReference } from './port.ts'
import { followLog, replayLog } from './replay.ts'
import { isId, toWireItem, type WireItem } from './stored-item.ts'
import type { StateDeps } from './turn-keeper.ts'

/** How often a run of another bridge is looked at by who listens to it. */
const LOOK_AGAIN_MS = 500
/** How long a cancellation waits for the bridge that runs the response. */
const CANCEL_WAIT_MS = 5_000

export interface StoredResponses {
  /** The Response object as JSON. @throws {BridgeError} not_found */
  retrieve(owner: Owner, responseId: string): Promise<string>
  /**
   * Sends its stream, of the events numbered above `after`; of one that runs, to its end.
   *
   * @throws {BridgeError} not_found; invalid_request for one that has no events
   */
  stream(
    owner: Owner,
    responseId: string,
    after: number,
    client: ClientStream,
    headers: Readonly<Record<string, string>>,
  ): Promise<void>
  /** @throws {BridgeError} not_found; invalid_request while it runs */
  delete(owner: Owner, responseId: string): Promise<void>
  /** @throws {BridgeError} not_found; invalid_request for an unknown `after` */
  listInput(owner: Owner, responseId: string, page: PageRequest): Promise<ItemPage & { ok: true }>
  /** @throws {BridgeError} not_found; invalid_request for one that does not run in the background */
  cancel(owner: Owner, responseId: string): Promise<string>
  /**
   * The request that goes on from it with outputs of its calls.
   *
   * @throws {BridgeError} previous_response_not_found
   */
  follow(owner: Owner, responseId: string): Promise<FollowedResponse>
}

export interface FollowedResponse {
  /** Of the request it came from: model, tools, instructions and what else goes on to hold. */
  readonly settings: WireItem
  readonly output: readonly WireItem[]
}

/** A response with its output in place, ended if the bridge that ran it is gone. */
interface Shown {
  readonly found: FoundResponse
  readonly body: WireItem
  readonly isRunning: boolean
}

export function createStoredResponses(
  { store, clock }: StateDeps,
  background: Background,
): StoredResponses {
  const referenceOf = ({ orgId, userId }: Owner, responseId: string): ResponseReference => ({
    owner: { orgId, userId },
    responseId,
  })

  async function lookUp(owner: Owner, responseId: string): Promise<Shown | undefined> {
    if (!isId(responseId)) return undefined
    const found = await store.find(referenceOf(owner, responseId))
    if (found === undefined) return undefined
    const body = { ...JSON.parse(found.body), output: found.output.map(toWireItem) }
    if (found.leaseUntilMs === undefined) return { found, body, isRunning: false }
    const isAlive = found.leaseUntilMs > clock.nowMs() || background.find(responseId) !== undefined
    return isAlive
      ? { found, body, isRunning: true }
      : { found, body: interrupted(body), isRunning: false }
  }

  async function show(owner: Owner, responseId: string): Promise<Shown> {
    const shown = await lookUp(owner, responseId)
    if (shown === undefined) throw notFound(responseId)
    return shown
  }

  /** A run of another bridge: its events come when it has ended. */
  async function awaitEnd(
    owner: Owner,
    responseId: string,
    isWanted: () => boolean,
    waitMs: number,
  ): Promise<Shown> {
    const untilMs = clock.monotonicMs() + waitMs
    for (;;) {
      const shown = await show(owner, responseId)
      if (!shown.isRunning || !isWanted() || clock.monotonicMs() >= untilMs) return shown
      await sleep(clock, LOOK_AGAIN_MS)
    }
  }

  return {
    retrieve: async (owner, responseId) => JSON.stringify((await show(owner, responseId)).body),

    async stream(owner, responseId, after, client, headers) {
      const shown = await show(owner, responseId)
      const log = logOf(shown, after)
      if (log === undefined && !shown.isRunning) {
        throw new BridgeError(
          'invalid_request',
          `Response '${responseId}' has no events: it was neither streamed nor run in the background. Retrieve it without stream.`,
          { param: 'stream' },
        )
      }
      client.open({ 'content-type': 'text/event-stream', ...headers })
      const run = background.find(responseId)
      if (run !== undefined) {
        followLog(run.keeper, after, client)
        return
      }
      if (log !== undefined) {
        replayLog(log, after, client)
        return
      }
      let isGone = false
      client.onGone(() => {
        isGone = true
      })
      try {
        const ended = await awaitEnd(owner, responseId, () => !isGone, Number.POSITIVE_INFINITY)
        if (!isGone) replayLog(logOf(ended, after) ?? new EventLog('bridge'), after, client)
      } catch {
        // Its head has left, so that no error can be told; it can be asked for again.
        client.drop()
      }
    },

    async delete(owner, responseId) {
      const { isRunning } = await show(owner, responseId)
      if (isRunning) {
        throw new BridgeError(
          'invalid_request',
          `Response '${responseId}' is still running. Cancel it first.`,
        )
      }
      await store.delete(referenceOf(owner, responseId))
    },

    async listInput(owner, responseId, page) {
      if (!isId(responseId)) throw notFound(responseId)
      const listed = await store.listInput({ ...referenceOf(owner, responseId), ...page })
      return pageOrThrow(listed, page, () => notFound(responseId))
    },

    async cancel(owner, responseId) {
      const { found, body, isRunning } = await show(owner, responseId)
      if (!found.isBackground) {
        throw new BridgeError(
          'invalid_request',
          `Response '${responseId}' does not run in the background. End one that does not by closing its connection.`,
        )
      }
      if (!isRunning) return JSON.stringify(body)
      const run = background.find(responseId)
      if (run !== undefined) {
        run.cancel()
        await run.over
        return JSON.stringify((await show(owner, responseId)).body)
      }
      await store.askCancel(referenceOf(owner, responseId))
      const ended = await awaitEnd(owner, responseId, () => true, CANCEL_WAIT_MS)
      return JSON.stringify(ended.body)
    },

    async follow(owner, responseId) {
      const { found, body } = await show(owner, responseId)
      return { settings: JSON.parse(found.settings), output: body['output'] as WireItem[] }
    },
  }
}

/** @throws {BridgeError} what `missing` makes, or invalid_request for an unknown `after` */
export function pageOrThrow(
  listed: ItemPage,
  { after }: PageRequest,
  missing: () => BridgeError,
): ItemPage & { ok: true } {
  if (listed.ok) return listed
  if (listed.reason === 'not_found') throw missing()
  throw new BridgeError('invalid_request', `after names no item here: '${after?.slice(0, 80)}'.`, {
    param: 'after',
  })
}

function notFound(responseId: string): BridgeError {
  return new BridgeError('not_found', `Response with id '${responseId.slice(0, 80)}' not found.`)
}

const INTERRUPTED = new BridgeError(
  'response_interrupted',
  'The bridge that ran this response stopped before it had ended.',
)

function interrupted(body: WireItem): WireItem {
  return { ...body, status: 'failed', error: toResponseFailure(INTERRUPTED) }
}

/**
 * The events of a response that has ended. Those of one that was left behind died with its bridge:
 * whoever asks is told of the end, under numbers that follow what he has heard.
 */
function logOf({ found, body, isRunning }: Shown, after: number): EventLog | undefined {
  if (isRunning) return undefined
  if (found.log !== undefined) return EventLog.fromJson(found.log, body)
  if (found.leaseUntilMs === undefined) return undefined
  const log = new EventLog('bridge')
  const opening = { ...body, ...IN_PROGRESS }
  const events = [
    ...(after < 0
      ? [
          { type: 'response.created', response: opening },
          { type: 'response.in_progress', response: opening },
        ]
      : []),
    { ...toErrorEvent(INTERRUPTED) },
    { type: 'response.failed', response: body },
  ]
  for (const [index, event] of events.entries()) log.add(event, after + 1 + index)
  return log
}

function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}
