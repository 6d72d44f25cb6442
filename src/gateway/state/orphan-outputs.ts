/**
 * Outputs of calls that a continued history does not hold. Where the client sends the history itself,
 * such an output is carried as a note; where it goes on from a response, it has mistaken the response.
 */
import { BridgeError } from '../../errors.ts'
import type { InputItem } from '../../protocol/responses/input.ts'
import type { Expansion } from './expand.ts'

/** @throws {BridgeError} invalid_request naming the call. */
export function refuseOrphanOutputs({ read, turn }: Expansion): void {
  if (turn.previousResponseId === undefined) return
  const { input } = read
  const isCalled = new Set(input.flatMap((item) => (isCall(item) ? (callIdOf(item) ?? []) : [])))
  const first = input.length - turn.items.length
  for (const [index, item] of input.entries()) {
    const id = index < first || !item.type.endsWith('_output') ? undefined : callIdOf(item)
    // Codex adds outputs of its own that name no call.
    if (id === undefined || isCalled.has(id)) continue
    const param = `input[${index - first}].call_id`
    throw new BridgeError(
      'invalid_request',
      `No tool call found for the output with call_id '${id.slice(0, 80)}' (${param}): neither the previous response nor what led to it made that call.`,
      { param },
    )
  }
}

const isCall = (item: InputItem): boolean => item.type.endsWith('_call')

function callIdOf(item: InputItem): string | undefined {
  return 'call_id' in item && typeof item.call_id === 'string' ? item.call_id : undefined
}
