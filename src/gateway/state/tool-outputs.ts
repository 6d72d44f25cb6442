/**
 * `submit_tool_outputs`: the outputs of a response's calls as a request that goes on from it. Nothing
 * else is sent, so what the response's own request said goes on to hold: model, tools, instructions.
 */
import { z } from 'zod'
import { BridgeError } from '../../errors.ts'
import { invalidRequest, readAs } from '../../protocol/responses/read.ts'
import { isRecord } from '../../translate/narrow.ts'
import type { WireItem } from './stored-item.ts'
import type { FollowedResponse } from './stored-responses.ts'

const OutputSchema = z.looseObject({
  call_id: z.string().nullish(),
  tool_call_id: z.string().nullish(),
  output: z.unknown(),
})
const ToolOutputsSchema = z.looseObject({ tool_outputs: z.array(OutputSchema) })

const OUTPUT_TYPES: Readonly<Record<string, string>> = {
  custom_tool_call: 'custom_tool_call_output',
}

/** @throws {BridgeError} invalid_request naming the output, and the calls that wait for one */
export function toFollowingRequest(
  json: unknown,
  responseId: string,
  { settings, output }: FollowedResponse,
): WireItem {
  const { tool_outputs: given, ...more } = readAs(ToolOutputsSchema, json, '')
  if (given.length === 0) throw invalidRequest('tool_outputs', 'at least one output', given)
  const calls = new Map(
    output.flatMap((item) =>
      typeof item['call_id'] === 'string' ? [[item['call_id'], String(item['type'])]] : [],
    ),
  )
  const input = given.map((one, index) => {
    const at = `tool_outputs[${index}]`
    const callId = one.call_id ?? one.tool_call_id
    if (callId === undefined || callId === null) {
      throw invalidRequest(`${at}.call_id`, 'the id of a call', undefined)
    }
    const type = calls.get(callId)
    if (type === undefined) throw unknownCall(at, callId, [...calls.keys()])
    return {
      type: OUTPUT_TYPES[type] ?? 'function_call_output',
      call_id: callId,
      output: textOrParts(one.output),
    }
  })
  return { ...settings, ...more, input, previous_response_id: responseId }
}

function unknownCall(at: string, callId: string, waiting: readonly string[]): BridgeError {
  const known = waiting.length === 0 ? 'It made no calls' : `Its calls are ${waiting.join(', ')}`
  return new BridgeError(
    'invalid_request',
    `${at}.call_id is '${callId.slice(0, 80)}', which the response did not call. ${known}.`,
    { param: `${at}.call_id` },
  )
}

/** Outputs are text or content parts; anything else is sent as its JSON. */
function textOrParts(output: unknown): unknown {
  if (typeof output === 'string') return output
  const isParts = Array.isArray(output) && output.every((part) => isRecord(part) && 'type' in part)
  return isParts ? output : JSON.stringify(output ?? '')
}
