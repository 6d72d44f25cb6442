import { describe, expect, test } from 'vitest'
import { expandRequest } from '../../../src/gateway/state/expand.ts'
import type { History } from '../../../src/gateway/state/history.ts'
import { refuseOrphanOutputs } from '../../../src/gateway/state/orphan-outputs.ts'
import type { WireItem } from '../../../src/gateway/state/stored-item.ts'
import { readResponsesRequest } from '../../../src/protocol/responses/request.ts'

const called = (id: string, type = 'function_call'): WireItem => ({
  type,
  call_id: id,
  name: 'look',
})
const output = (id: string | undefined, type = 'function_call_output'): WireItem => ({
  type,
  ...(id === undefined ? {} : { call_id: id }),
  output: 'x',
})
const HISTORY: History = {
  isStored: () => true,
  readTurns: async () => [
    { role: 'user', content: 'hi' },
    called('a'),
    called('b', 'custom_tool_call'),
    // What was said then is said: only what is new is held against the history.
    output('long gone'),
  ],
  readConversation: async () => undefined,
  readItems: async () => new Map(),
}

async function check(input: readonly WireItem[], previous: string | null = 'resp_1') {
  const json = { model: 'm', input, previous_response_id: previous }
  const owner = { orgId: 'org', userId: 'user' }
  refuseOrphanOutputs(await expandRequest(readResponsesRequest(json), owner, HISTORY))
}

describe('an output in a history that goes on from a response', () => {
  test.each([
    { name: 'of a call of the response', input: [output('a')] },
    { name: 'of a custom call of it', input: [output('b', 'custom_tool_call_output')] },
    { name: 'of a call of the new input', input: [called('c'), output('c')] },
    { name: 'of no call at all, as Codex adds', input: [output(undefined)] },
  ])('$name passes', async ({ input }) => {
    await expect(check(input)).resolves.toBeUndefined()
  })

  test('of a call that nobody made is an error that names its place in the new input', async () => {
    await expect(check([output('a'), output('missing')])).rejects.toMatchObject({
      code: 'invalid_request',
      param: 'input[1].call_id',
      message: expect.stringContaining("call_id 'missing'"),
    })
  })

  test('in a history that the client keeps itself is its own affair', async () => {
    await expect(check([output('missing')], null)).resolves.toBeUndefined()
  })
})
