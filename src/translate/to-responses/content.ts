/**
 * What the model has said so far, on its way into the output: counted, its tags split off where they
 * are reasoning, its calls put together. Knows nothing of how answers begin and end on the wire.
 */
import { BridgeError } from '../../errors.ts'
import type { OutputItem, TokenLogprob, UrlCitation } from '../../protocol/responses/items.ts'
import { excerptOf } from '../upstream-error.ts'
import { type CallFragment, readCallFragment, readLegacyCall } from './call-fragment.ts'
import type { ResponseMachineOptions } from './contract.ts'
import { type DeltaSink, readDelta } from './delta-reader.ts'
import type { Ending } from './finish-reason.ts'
import { createOutput, type Output } from './output.ts'
import { createThinkTags, type ThinkTags } from './think-tags.ts'
import { createToolCalls, type ToolCalls } from './tool-calls.ts'

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
  return new ContentReader(options)
}

class ContentReader implements Content, DeltaSink {
  readonly #options: ResponseMachineOptions
  readonly #output: Output
  readonly #tags: ThinkTags | undefined
  /** Made for the first call: most answers have none. */
  #calls: ToolCalls | undefined
  #chars = 0
  /** Of the delta being read. */
  #logprobs = NO_LOGPROBS
  #splitsTags: boolean
  /** Whether a whole message is being read, whose calls are whole too. */
  #isWhole = false

  constructor(options: ResponseMachineOptions) {
    const output = createOutput(options)
    this.#options = options
    this.#output = output
    this.#splitsTags = options.thinkTags
    if (options.thinkTags) {
      this.#tags = createThinkTags({
        reasoning: (text) => output.reasoning(text),
        text: (text) => output.text(text, this.#logprobs),
      })
    }
  }

  get chars(): number {
    return this.#chars
  }

  get items(): OutputItem[] {
    return this.#output.items
  }

  delta(delta: Record<string, unknown>, logprobs: readonly TokenLogprob[]): void {
    this.#logprobs = logprobs
    readDelta(delta, this)
    this.#logprobs = NO_LOGPROBS
  }

  message(message: Record<string, unknown>, logprobs: readonly TokenLogprob[]): void {
    this.#isWhole = true
    this.delta(message, logprobs)
    this.#isWhole = false
  }

  end(ending: Ending): BridgeError | undefined {
    const isCut = ending.status === 'incomplete'
    this.#endTags()
    this.#calls?.end(isCut)
    const why = isCut ? undefined : this.#emptied()
    if (why === undefined) this.#output.close(isCut ? 'incomplete' : 'completed')
    return why
  }

  reasoning(text: string): void {
    this.#chars += text.length
    this.#endTags()
    this.#output.reasoning(text)
  }

  reasoningDetail(detail: unknown): void {
    this.#output.reasoningDetail(detail)
  }

  text(text: string): void {
    const { textIsCallOf: name } = this.#options
    if (name !== undefined) {
      this.#pushCall({ index: 0, id: '', name, arguments: text, isCustom: true })
      return
    }
    this.#chars += text.length
    if (this.#splitsTags) this.#tags?.push(text)
    else this.#output.text(text, this.#logprobs)
  }

  refusal(text: string): void {
    this.#chars += text.length
    this.#endTags()
    if (this.#options.refusalAsText === true) this.#output.text(text, NO_LOGPROBS)
    else this.#output.refusal(text)
  }

  toolCall(value: unknown): void {
    this.#pushCall(readCallFragment(value))
  }

  legacyCall(value: unknown): void {
    this.#pushCall(readLegacyCall(value))
  }

  citation(citation: UrlCitation): void {
    this.#output.annotate(citation)
  }

  /** Tags are read at the head of the text only: whatever else begins ends the head. */
  #endTags(): void {
    if (this.#splitsTags) this.#tags?.flush()
    this.#splitsTags = false
  }

  #pushCall(fragment: CallFragment | undefined): void {
    if (fragment === undefined) return
    this.#chars += fragment.arguments.length
    this.#endTags()
    this.#calls ??= createToolCalls({ ...this.#options, output: this.#output })
    if (this.#isWhole) this.#calls.pushWhole(fragment)
    else this.#calls.push(fragment)
  }

  #emptied(): BridgeError | undefined {
    if (this.#output.hasAnswer || this.#calls?.stopped) return undefined
    const tool = this.#calls?.suppressed[0]
    if (tool !== undefined) {
      return new BridgeError(
        'upstream_bad_answer',
        `The model called ${excerptOf(tool)}, which tool_choice or max_tool_calls does not allow, and said nothing else.`,
      )
    }
    return this.#calls === undefined || this.#calls.nameless === 0
      ? undefined
      : new BridgeError('upstream_bad_answer', 'The model called a tool without naming it.')
  }
}
