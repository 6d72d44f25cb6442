/**
 * The answer to a request for a compaction: the same machine reads the model, but what the client gets
 * is one sealed item in place of the text. It is whole or not there: half a note would pass for all that
 * was said.
 */
import { BridgeError } from '../errors.ts'
import type { LifecycleEvent, ResponseEvent } from '../protocol/responses/events.ts'
import type { CompactionItem, OutputItem } from '../protocol/responses/items.ts'
import type { ResponseObject } from '../protocol/responses/response.ts'
import type { Usage } from '../protocol/usage.ts'
import type { AnswerOutcome, AnswerPhase } from './answer.ts'
import { sealCompaction } from './compaction.ts'
import type { Seal } from './seal.ts'
import { toErrorEvent, toResponseFailure } from './to-responses/failure.ts'
import {
  createResponseMachine,
  type ResponseMachine,
  type ResponseMachineOptions,
} from './to-responses/index.ts'

export interface CompactionAnswerOptions
  extends Omit<ResponseMachineOptions, 'seal' | 'logprobs' | 'refusalAsText'> {
  readonly seal: Seal
  /** Whether a note that was cut off fails the answer, for a form of answer that knows no `incomplete`. */
  readonly wholeOrFailed: boolean
}

export function createCompactionAnswer(options: CompactionAnswerOptions): ResponseMachine {
  return new CompactionAnswer(options)
}

class CompactionAnswer implements ResponseMachine {
  readonly #options: CompactionAnswerOptions
  readonly #machine: ResponseMachine
  #outcome: AnswerOutcome | undefined
  #response: ResponseObject | undefined

  constructor(options: CompactionAnswerOptions) {
    this.#options = options
    this.#machine = createResponseMachine({
      ...options,
      // A refusal is no note, and reasoning is not part of one.
      refusalAsText: false,
      seal: undefined,
      logprobs: false,
      emit: (event) => this.#relay(event),
    })
  }

  get phase(): AnswerPhase {
    return this.#machine.phase
  }

  get outcome(): AnswerOutcome | undefined {
    const outcome = this.#machine.outcome
    if (outcome === undefined) return undefined
    this.#outcome ??= this.#judge(outcome)
    return this.#outcome
  }

  get outputChars(): number {
    return this.#machine.outputChars
  }

  get mismatches(): ResponseMachine['mismatches'] {
    return this.#machine.mismatches
  }

  get response(): ResponseObject {
    return this.#response ?? { ...this.#machine.response, output: [] }
  }

  open(): void {
    this.#machine.open()
  }

  message(data: string, event: string | undefined): void {
    this.#machine.message(data, event)
  }

  body(json: unknown): void {
    this.#machine.body(json)
  }

  ended(): void {
    this.#machine.ended()
  }

  fail(error: BridgeError): void {
    this.#machine.fail(error)
  }

  cut(metadata: Readonly<Record<string, string>>): void {
    this.#machine.cut(metadata)
  }

  keepalive(): void {
    this.#machine.keepalive()
  }

  conclude(usage?: Usage): void {
    this.#machine.conclude(usage)
  }

  #judge(outcome: AnswerOutcome): AnswerOutcome {
    const isWhole = outcome.status === 'completed'
    if (outcome.status === 'failed' || (!isWhole && !this.#options.wholeOrFailed)) return outcome
    if (isWhole && noteIn(this.#machine.response.output) !== '') return outcome
    const error = new BridgeError(
      'compaction_failed',
      isWhole
        ? 'The model wrote no summary of the conversation. Ask again, or ask another model.'
        : 'The summary of the conversation was cut off at a limit on its tokens. Raise max_output_tokens or the budget, or compact sooner.',
    )
    return { status: 'failed', usage: outcome.usage, error }
  }

  #relay(event: ResponseEvent): void {
    switch (event.type) {
      case 'response.created':
      case 'response.in_progress':
      case 'keepalive':
      case 'error':
        this.#options.emit(event)
        break
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
        this.#conclude(event)
    }
  }

  #conclude({ response }: LifecycleEvent): void {
    const { emit, ids, seal } = this.#options
    const outcome = this.outcome
    if (outcome?.status === 'completed') {
      const item: CompactionItem = {
        type: 'compaction',
        id: ids.next('cmp'),
        encrypted_content: sealCompaction(noteIn(response.output), seal),
      }
      const place = { output_index: 0 }
      emit({
        type: 'response.output_item.added',
        ...place,
        item: { ...item, encrypted_content: '' },
      })
      emit({ type: 'response.output_item.done', ...place, item })
      this.#response = { ...response, output: [item] }
      emit({ type: 'response.completed', response: this.#response })
      return
    }
    const emptied: ResponseObject = { ...response, output: [] }
    const error = response.error === null ? outcome?.error : undefined
    if (error === undefined) {
      this.#response = emptied
      emit({
        type: response.status === 'failed' ? 'response.failed' : 'response.incomplete',
        response: emptied,
      })
      return
    }
    this.#response = {
      ...emptied,
      status: 'failed',
      completed_at: null,
      incomplete_details: null,
      error: toResponseFailure(error),
    }
    emit(toErrorEvent(error))
    emit({ type: 'response.failed', response: this.#response })
  }
}

/** The text of the model's messages, or '' where there is none. */
function noteIn(output: readonly OutputItem[]): string {
  return output
    .flatMap((item) => (item.type === 'message' ? item.content : []))
    .flatMap((part) => (part.type === 'output_text' ? part.text : []))
    .join('')
    .trim()
}
