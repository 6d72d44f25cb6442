/** Lines of a request and its answer in the Responses API's form, whichever wire the call came on. */
import { TranslatedChatRequestSchema } from '../../protocol/chat/client-request.ts'
import { ResponsesRequestSchema } from '../../protocol/responses/request.ts'
import { DEFAULT_DIALECT } from '../../translate/dialect.ts'
import { toResponseEcho } from '../../translate/echo.ts'
import { fromChatRequest } from '../../translate/from-chat/index.ts'
import { isRecord, textOf } from '../../translate/narrow.ts'
import { createResponseMachine } from '../../translate/to-responses/index.ts'
import { createToolTable } from '../../translate/tool-table.ts'
import { askedRequestOf, type JsonObject } from '../conversation.ts'
import type { TraceRecord } from '../record.ts'
import { type ExportFormat, lines } from './format.ts'

export function responsesFormat(): ExportFormat {
  return lines((record) => {
    const asked = askedRequestOf(record)
    if (asked === undefined) return undefined
    const { trace_id, session_id, correlation_id, complete } = record
    const said =
      record.api === 'chat'
        ? fromChat(asked, record)
        : { request: asked, response: record.response ?? null }
    if (said === undefined) return undefined
    return { trace_id, session_id, correlation_id, complete, ...said }
  })
}

function fromChat(asked: JsonObject, record: TraceRecord) {
  const parsed = TranslatedChatRequestSchema.safeParse(asked)
  if (!parsed.success) return undefined
  try {
    const { responses } = fromChatRequest(parsed.data, {
      model: record.model,
      dialect: DEFAULT_DIALECT,
      strict: false,
    })
    return { request: responses, response: toResponse(record, responses) }
  } catch {
    // Nothing of it has a counterpart there.
    return undefined
  }
}

/** The same answer, as the machine that answers Responses clients would have told it. */
function toResponse({ response, trace_id, created_at }: TraceRecord, asked: JsonObject): unknown {
  if (!isRecord(response)) return null
  const createdAt = Math.floor(Date.parse(created_at) / 1000)
  const hex = trace_id.replace(/^trace_/, '')
  let count = 0
  const machine = createResponseMachine({
    echo: toResponseEcho(ResponsesRequestSchema.parse(asked), {
      id: `resp_${hex}`,
      createdAt,
      model: textOf(response['model']),
    }),
    metadata: {},
    tools: createToolTable([]),
    // The same export of the same call is the same line.
    ids: { next: (prefix) => `${prefix}_${hex}${count++}` },
    now: () => createdAt,
    seal: undefined,
    logprobs: true,
    thinkTags: false,
    emit() {},
  })
  machine.body(response)
  machine.conclude()
  return machine.response
}
