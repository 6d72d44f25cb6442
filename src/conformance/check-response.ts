/**
 * What holds for every finished Response object, streamed or not.
 *
 * @see https://www.openresponses.org/specification
 */
import { isRecord, listOf, textOf, tryParse } from '../translate/narrow.ts'
import { type Report, shown } from './rules.ts'

type Fields = Readonly<Record<string, unknown>>

/** Required by Open Responses in every Response object, whatever its status. */
const REQUIRED_FIELDS = [
  ...['id', 'object', 'created_at', 'completed_at', 'status', 'incomplete_details', 'model'],
  ...['previous_response_id', 'instructions', 'output', 'error', 'tools', 'tool_choice'],
  ...['truncation', 'parallel_tool_calls', 'text', 'top_p', 'presence_penalty'],
  ...['frequency_penalty', 'top_logprobs', 'temperature', 'reasoning', 'usage'],
  ...['max_output_tokens', 'max_tool_calls', 'store', 'background', 'service_tier', 'metadata'],
  ...['safety_identifier', 'prompt_cache_key'],
]

const REASONS = ['max_output_tokens', 'content_filter']

export function checkResponse(response: Fields, report: Report): void {
  const missing = REQUIRED_FIELDS.filter((field) => !(field in response))
  if (missing.length > 0) report('response.fields', `it lacks ${missing.join(', ')}`)
  checkState(response, report)
  checkUsage(response['usage'], report)
  const items = listOf(response['output']).filter(isRecord)
  checkItemStates(items, response['status'], report)
  checkIds(items, report)
}

function checkState(response: Fields, report: Report): void {
  const { status, error, incomplete_details: details } = response
  const hasError = error !== null && error !== undefined
  const hasDetails = details !== null && details !== undefined
  if (status === 'failed') {
    if (!isRecord(error) || textOf(error['message']) === '') {
      report('response.state', `failed with error ${shown(error)}`)
    }
  } else if (hasError) report('response.state', `${shown(status)} with an error`)
  if (status === 'incomplete') {
    const reason = isRecord(details) ? textOf(details['reason']) : ''
    if (!REASONS.includes(reason)) {
      report('response.state', `incomplete with incomplete_details ${shown(details)}`)
    }
  } else if (hasDetails) report('response.state', `${shown(status)} with incomplete_details`)
}

function checkUsage(usage: unknown, report: Report): void {
  if (usage === null || usage === undefined) return
  if (!isRecord(usage)) {
    report('response.usage', `usage is ${shown(usage)}`)
    return
  }
  const { input_tokens: input, output_tokens: output, total_tokens: total } = usage
  if (!isCount(input) || !isCount(output) || !isCount(total)) {
    report('response.usage', `its counts are no whole numbers: ${shown(usage)}`)
    return
  }
  if (input + output !== total) report('response.usage', `${input} + ${output} is not ${total}`)
  const cached = countIn(usage['input_tokens_details'], 'cached_tokens')
  if (cached > input) report('response.usage', `${cached} cached tokens of ${input}`)
  const reasoning = countIn(usage['output_tokens_details'], 'reasoning_tokens')
  if (reasoning > output) report('response.usage', `${reasoning} reasoning tokens of ${output}`)
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0

function countIn(details: unknown, name: string): number {
  const count = isRecord(details) ? details[name] : undefined
  return isCount(count) ? count : 0
}

function checkItemStates(items: readonly Fields[], status: unknown, report: Report): void {
  for (const [index, item] of items.entries()) {
    const place = `output[${index}] (${textOf(item['type'])})`
    if (item['status'] === 'in_progress' && status !== 'failed') {
      report('response.state', `${place} is in progress in a response that is ${shown(status)}`)
    }
    if (item['status'] === 'incomplete') {
      if (status !== 'incomplete') {
        report('response.state', `${place} is incomplete, the response is ${shown(status)}`)
      } else if (index !== items.length - 1) {
        report('response.state', `${place} is incomplete, and not the last`)
      }
    }
    if (item['type'] === 'function_call' && item['status'] === 'completed') {
      if (tryParse(textOf(item['arguments'])) === undefined) {
        report(
          'ending.cut-call',
          `${place} is completed with arguments ${shown(item['arguments'])}`,
        )
      }
    }
  }
}

function checkIds(items: readonly Fields[], report: Report): void {
  const ids = items.map(({ id }) => textOf(id))
  if (ids.includes('')) report('response.ids', `output[${ids.indexOf('')}] has no id`)
  const callIds = items
    .filter(({ type }) => type === 'function_call')
    .map(({ call_id: callId }) => textOf(callId))
  if (callIds.includes('')) report('response.ids', 'a function call has no call_id')
  for (const list of [ids, callIds]) {
    const repeated = list.find((id, index) => id !== '' && list.indexOf(id) !== index)
    if (repeated !== undefined) report('response.ids', `${repeated} stands for two of them`)
  }
}
