/** One entry of `tool_calls`, or the legacy `function_call`, with everything odd about it removed. */
import { isRecord, textOf, tryStringify } from '../narrow.ts'

export interface CallFragment {
  /** Undefined when missing: Mistral has sent none, Z.ai sends -1. */
  readonly index: number | undefined
  readonly id: string
  readonly name: string
  readonly arguments: string
  /** A chat custom tool, whose input is raw text. */
  readonly isCustom: boolean
}

/** The fragment, or undefined when it says nothing: `null`, `{}`, or Snowflake's empty call. */
export function readCallFragment(value: unknown): CallFragment | undefined {
  if (!isRecord(value)) return undefined
  const called = isRecord(value['function']) ? value['function'] : {}
  // Snowflake sends an empty `custom` beside the function; OpenAI sends one or the other.
  const custom = isRecord(value['custom']) && isUnsaid(called) ? value['custom'] : undefined
  const index = value['index']
  const fragment: CallFragment = {
    index: typeof index === 'number' && Number.isInteger(index) ? index : undefined,
    id: textOf(value['id']).toWellFormed(),
    name: textOf((custom ?? called)['name']).toWellFormed(),
    arguments: argumentsText(custom === undefined ? called['arguments'] : custom['input']),
    isCustom: custom !== undefined || value['type'] === 'custom',
  }
  return isEmpty(fragment) ? undefined : fragment
}

export function readLegacyCall(value: unknown): CallFragment | undefined {
  if (!isRecord(value)) return undefined
  return readCallFragment({ function: value })
}

function isUnsaid(called: Record<string, unknown>): boolean {
  return textOf(called['name']) === '' && argumentsText(called['arguments']) === ''
}

function isEmpty(fragment: CallFragment): boolean {
  return fragment.id === '' && fragment.name === '' && fragment.arguments === ''
}

/** Null is nothing; an object, which some servers send, is its JSON. */
function argumentsText(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : (tryStringify(value) ?? '')
}
