/**
 * What the model has said so far, on its way into the output: counted, its tags split off where they
 * are reasoning, its calls put together. Knows nothing of how answers begin and end on the wire.
 */
import { BridgeError } from '../../errors.ts'
import type { OutputItem, TokenLogprob } from '../../protocol/responses/items.ts'
import { excerptOf } from '../upstream-error.ts'
import { type CallFragment, readCallFragment, readLegacyCall } from './call-fragment.ts'
import type { ResponseMachineOptions } from './contract.ts'
import { type DeltaSink, readDelta } from './delta-reader.ts'
import type { Ending } from './finish-reason.ts'
import { createOutput } from './output.ts'
import { createThinkTags } from './think-tags.ts'
import { createToolCalls } from './tool-calls.ts'

export interface Content {
  /** UTF-16 units the model has generated, whether or not the client sees them. */
  readonly chars: number
  /** The closed items, in order. */
  readonly items: OutputItem[]
  delta(delta: Record<string, unknown>, logprobs: readonly TokenLogprob[]): void
  message(message: Record<string, unknown>, logprobs: readonly TokenLogprob[]): void
  /** Closes everything, or says why nothing is left that could pass for an answer. */
  end(ending: Ending): BridgeError | undefined
}

const NO_LOGPROBS: readonly TokenLogprob[] = []

export function createContent(options: ResponseMachineOptions): Content {
  const output = createOutput(options)
  const calls = createToolCalls({ ...options, output })
  let chars = 0
  /** Of the delta being read. */
  let logprobs = NO_LOGPROBS
  let splitsTags = options.thinkTags
  const tags = createThinkTags({
    reasoning: output.reasoning,
    text: (text) => output.text(text, logprobs),
  })

  /** Tags are read at the head of the text only: whatever else begins ends the head. */
  function endTags(): void {
    if (splitsTags) tags.flush()
    splitsTags = false
  }

  const deltaSink: DeltaSink = {
    reasoning(text) {
      chars += text.length
      endTags()
      output.reasoning(text)
    },
    reasoningDetail: output.reasoningDetail,
    text(text) {
      chars += text.length
      if (splitsTags) tags.push(text)
      else output.text(text, logprobs)
    },
    refusal(text) {
      chars += text.length
      endTags()
      if (options.refusalAsText === true) output.text(text, NO_LOGPROBS)
      else output.refusal(text)
    },
    toolCall: (value) => pushCall(readCallFragment(value), calls.push),
    legacyCall: (value) => pushCall(readLegacyCall(value), calls.push),
    citation: output.annotate,
  }
  const messageSink: DeltaSink = {
    ...deltaSink,
    toolCall: (value) => pushCall(readCallFragment(value), calls.pushWhole),
    legacyCall: (value) => pushCall(readLegacyCall(value), calls.pushWhole),
  }

  function pushCall(
    fragment: CallFragment | undefined,
    push: (fragment: CallFragment) => void,
  ): void {
    if (fragment === undefined) return
    chars += fragment.arguments.length
    endTags()
    push(fragment)
  }

  function emptied(): BridgeError | undefined {
    if (output.hasAnswer || calls.stopped) return undefined
    const tool = calls.suppressed[0]
    if (tool !== undefined) {
      return new BridgeError(
        'upstream_bad_answer',
        `The model called ${excerptOf(tool)}, which tool_choice does not allow, and said nothing else.`,
      )
    }
    return calls.nameless === 0
      ? undefined
      : new BridgeError('upstream_bad_answer', 'The model called a tool without naming it.')
  }

  return {
    get chars() {
      return chars
    },
    get items() {
      return output.items
    },
    delta(delta, deltaLogprobs) {
      logprobs = deltaLogprobs
      readDelta(delta, deltaSink)
      logprobs = NO_LOGPROBS
    },
    message(message, messageLogprobs) {
      logprobs = messageLogprobs
      readDelta(message, messageSink)
      logprobs = NO_LOGPROBS
    },
    end(ending) {
      const isCut = ending.status === 'incomplete'
      endTags()
      calls.end(isCut)
      const why = isCut ? undefined : emptied()
      if (why === undefined) output.close(isCut ? 'incomplete' : 'completed')
      return why
    },
  }
}
