/**
 * Responses that run without their client: through the same gate as every other, and to their end
 * whoever stays to listen.
 *
 * ```
 *   admit ──refused──▶ the refusal is the answer
 *     └──▶ saved as running ──▶ answered ──▶ … runs … ──▶ saved as it ended
 *                                              └──cancel──▶ the upstream is left, saved as cancelled
 * ```
 */
import { BridgeError, toBridgeError } from '../../errors.ts'
import { runCall } from '../call.ts'
import type { CallDeps } from '../call-deps.ts'
import type { CallPlan, ClientAnswer } from '../call-plan.ts'
import type { ClientStream } from '../ports.ts'
import type { Spending } from '../spending.ts'
import type { Leases } from './leases.ts'
import { followLog } from './replay.ts'
import type { TurnKeeper } from './turn-keeper.ts'

export interface BackgroundRun {
  readonly keeper: TurnKeeper
  cancel(): void
  /** Resolves once it is over and saved; never rejects. */
  readonly over: Promise<void>
}

export interface Background {
  /** Resolves when the run is over; never rejects. The client has been answered long before. */
  start(plan: CallPlan, keeper: TurnKeeper, client: ClientStream): Promise<void>
  /** What runs here. */
  find(responseId: string): BackgroundRun | undefined
  /** Resolves once nothing runs. */
  idle(): Promise<void>
}

export interface BackgroundDeps {
  readonly call: CallDeps
  readonly leases: Leases
}

export function createBackground({ call, leases }: BackgroundDeps): Background {
  const runs = new Map<string, BackgroundRun>()

  return {
    start(plan, keeper, client) {
      // Not the plan itself: a closure that named it would hold the request for as long as it runs.
      const { headers: planHeaders, streaming } = plan
      const detached = createDetachedClient(client)
      let answer: ClientAnswer | undefined
      const cancel = () => {
        keeper.cancel()
        detached.leave()
      }
      const { responseId } = keeper.options
      const tell = (headers: Readonly<Record<string, string>>, body: () => string) => {
        const all = { ...planHeaders, ...headers }
        if (streaming) {
          client.open({ 'content-type': 'text/event-stream', ...all })
          followLog(keeper, -1, client)
        } else client.respond(200, { 'content-type': 'application/json', ...all }, body())
      }
      const begin = async (headers: Readonly<Record<string, string>>) => {
        const opening = await keeper.begin()
        leases.hold(responseId, cancel)
        runs.set(responseId, { keeper, cancel, over })
        detached.detach()
        tell(headers, () => JSON.stringify(opening))
      }
      const running = asRun(plan, (made) => {
        answer = made
      })
      const spending = announcing(call.spending, begin)
      const over = runCall(running, detached, { ...call, spending }).then(async () => {
        if (runs.has(responseId)) await endLeft(keeper, answer)
        // What needs no upstream is never admitted: its client has yet to hear of it.
        else if (keeper.isOver) tell({}, () => answer?.body() ?? '')
        await keeper.release()
        runs.delete(responseId)
      })
      return over
    },
    find: (responseId) => runs.get(responseId),
    async idle() {
      while (runs.size > 0) await Promise.all([...runs.values()].map(({ over }) => over))
    },
  }
}

/** Streams whatever the client wants: it is the log that is listened to. */
function asRun(plan: CallPlan, onAnswer: (answer: ClientAnswer) => void): CallPlan {
  return {
    ...plan,
    streaming: true,
    createAnswer(write) {
      const answer = plan.createAnswer(write)
      onAnswer(answer)
      return answer
    },
  }
}

/** The same gate; the first admission is made known before anything is sent upstream. */
function announcing(
  spending: Spending,
  begin: (headers: Readonly<Record<string, string>>) => Promise<void>,
): Spending {
  let hasBegun = false
  return {
    async admit(...args) {
      const hold = await spending.admit(...args)
      if (hasBegun) return hold
      try {
        await begin(hold.headers)
        hasBegun = true
        return hold
      } catch (cause) {
        await hold.settle({ phase: 'unsent', outcome: undefined, outputChars: 0, upstreamMs: 0 })
        throw new BridgeError(
          'store_unavailable',
          `The response cannot be kept, and would be lost in the background: ${toBridgeError(cause).message}`,
          { cause },
        )
      }
    },
  }
}

/** A run that was left (cancelled, or broken off) ends as one that failed: there is nobody else to say so. */
async function endLeft(keeper: TurnKeeper, client: ClientAnswer | undefined): Promise<void> {
  if (keeper.isOver || client === undefined) return
  client.answer.fail(
    new BridgeError('response_cancelled', 'The response was cancelled before it ended.'),
  )
  client.answer.conclude()
  await keeper.keep('')
}

interface DetachedClient extends ClientStream {
  /** From now on nobody listens: what is written is in the log. */
  detach(): void
  /** As if a client hung up. */
  leave(): void
}

/** Until it is admitted the call has its real client: a refusal goes there, and a hang-up ends it. */
function createDetachedClient(client: ClientStream): DetachedClient {
  let isDetached = false
  let isGone = false
  let onGone = () => {}
  const leave = () => {
    isGone = true
    onGone()
  }
  return {
    detach() {
      isDetached = true
    },
    leave,
    open() {},
    write() {},
    end() {},
    respond(status, headers, body) {
      if (!isDetached) client.respond(status, headers, body)
    },
    drop() {
      if (!isDetached) client.drop()
      leave()
    },
    onBlocked() {},
    onGone(listener) {
      onGone = listener
      if (isGone) listener()
      client.onGone(() => {
        if (!isDetached) leave()
      })
    },
  }
}
