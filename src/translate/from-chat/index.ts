/**
 * A client's Chat Completions request as a Responses request, for an upstream that speaks Responses.
 *
 * @see ../../../docs/mapping-chat.md for every field and part: carried, emulated or dropped.
 */
import { BridgeError } from '../../errors.ts'
import type { TranslatedChatRequest } from '../../protocol/chat/client-request.ts'
import type { ChatDialect } from '../dialect.ts'
import { createDropList, refuseLoss } from '../to-chat/dropped.ts'
import type { JsonObject } from './content.ts'
import { toInputItems } from './messages.ts'
import { dropUncarried, toSettings } from './settings.ts'
import { toToolSettings } from './tools.ts'

export interface FromChatOptions {
  /** The upstream's own name of the model. */
  readonly model: string
  readonly dialect: ChatDialect
  /** Any loss becomes a `cannot_carry`. */
  readonly strict: boolean
}

export interface ResponsesTranslation {
  /** Asks for a stream, whatever the client wants: only a stream can be metered, and cut at a limit. */
  readonly responses: Readonly<Record<string, unknown>>
  /** What could not be carried, by its name on the client's side, sorted and unique. */
  readonly dropped: readonly string[]
}

/**
 * @throws {BridgeError} invalid_request naming the field; cannot_carry when strict, for more than one
 *   choice, or when there is nothing to send.
 */
export function fromChatRequest(
  request: TranslatedChatRequest,
  { model, dialect, strict }: FromChatOptions,
): ResponsesTranslation {
  refuseChoices(request)
  const { drop, list } = createDropList()
  const input = toInputItems(request.messages, {
    takesReasoningText: dialect.reasoningField !== 'none',
    drop,
  })
  const { tools, choice } = toToolSettings(request, drop)
  const settings = [
    { field: 'tools', value: tools.length === 0 ? undefined : tools, origin: 'tools' },
    { field: 'tool_choice', value: choice, origin: 'tool_choice' },
    ...toSettings(request, drop),
  ]
  const carried: Record<string, unknown> = {}
  for (const { field, value, origin } of settings) {
    if (value === undefined) continue
    if (dialect.unsupported.includes(field)) drop(origin)
    else carried[field] = value
  }
  dropUncarried(request, drop)
  const dropped = list()
  refuseLoss(input, dropped, strict, 'messages')
  const responses: JsonObject = { model, input, ...carried, stream: true, store: false }
  return { responses, dropped }
}

/** A Responses upstream gives one answer; asking it several times would be several calls to pay for. */
function refuseChoices({ n }: TranslatedChatRequest): void {
  if (n === undefined || n === null || n === 1) return
  throw new BridgeError(
    'cannot_carry',
    `n is ${n}, but this model's upstream speaks Responses, which gives one answer; send ${n} requests instead.`,
    { param: 'n' },
  )
}
