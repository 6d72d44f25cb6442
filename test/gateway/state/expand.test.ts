import { describe, expect, test } from 'vitest'
import { expandRequest } from '../../../src/gateway/state/expand.ts'
import type { History } from '../../../src/gateway/state/history.ts'
import type { WireItem } from '../../../src/gateway/state/stored-item.ts'
import { readResponsesRequest } from '../../../src/protocol/responses/request.ts'

const OWNER = { orgId: 'org', userId: 'user' }
const said = (role: string, content: string, id?: string): WireItem => ({
  type: 'message',
  role,
  content,
  ...(id === undefined ? {} : { id }),
})
const PRIOR = [said('user', 'one'), said('assistant', 'two', 'msg_2')]
const KEPT = said('assistant', 'kept', 'msg_kept')

/** Fails whoever asks. */
const NO_HISTORY: History = {
  isStored: () => true,
  readTurns: () => Promise.reject(new Error('asked')),
  readConversation: () => Promise.reject(new Error('asked')),
  readItems: () => Promise.reject(new Error('asked')),
}

const HISTORY: History = {
  isStored: () => true,
  readTurns: async (owner, id) => (owner === OWNER && id === 'resp_1' ? PRIOR : undefined),
  readConversation: async (owner, id) => (owner === OWNER && id === 'conv_1' ? PRIOR : undefined),
  readItems: async (_owner, ids) =>
    new Map(ids.includes('msg_kept') ? [['msg_kept', KEPT] as const] : []),
}

const expand = (json: Record<string, unknown>, history = HISTORY) =>
  expandRequest(readResponsesRequest({ model: 'm', ...json }), OWNER, history)

describe('a request that refers to what was said before', () => {
  test('to nothing: comes back as it is', async () => {
    const read = readResponsesRequest({ model: 'm', input: [said('user', 'three')] })
    const { read: whole, turn } = await expandRequest(read, OWNER, NO_HISTORY)
    expect(whole).toBe(read)
    expect(turn).toEqual({
      previousResponseId: undefined,
      conversationId: undefined,
      items: [said('user', 'three')],
    })
  })

  test.each([
    ['to a response', { previous_response_id: 'resp_1' }],
    ['to a conversation by its id', { conversation: 'conv_1' }],
    ['to a conversation as an object', { conversation: { id: 'conv_1' } }],
  ])('%s: is the same as with the whole input', async (_name, reference) => {
    const { read, turn } = await expand({ ...reference, input: 'three' })
    const whole = readResponsesRequest({ model: 'm', input: [...PRIOR, said('user', 'three')] })
    expect(read.input).toEqual(whole.input)
    expect(read.request).toEqual({ ...whole.request, ...reference })
    expect(turn.items).toEqual([said('user', 'three')])
  })

  test('without any new input: what was said before is all', async () => {
    const { read, turn } = await expand({ previous_response_id: 'resp_1' })
    expect(read.request.input).toEqual(PRIOR)
    expect(turn.items).toEqual([])
  })

  test('to an item: it is put in its place', async () => {
    const reference = { type: 'item_reference', id: 'msg_kept' }
    const { read, turn } = await expand({ input: [reference, said('user', 'three')] })
    expect(turn.items).toEqual([KEPT, said('user', 'three')])
    expect(read.request.input).toEqual(turn.items)
    expect(read.input.map(({ type }) => type)).toEqual(['message', 'message'])
  })

  test('to an item that the history has already: it is not said twice', async () => {
    const input = [{ id: 'msg_2' }, said('user', 'three')]
    const { read, turn } = await expand({ previous_response_id: 'resp_1', input })
    expect(turn.items).toEqual([said('user', 'three')])
    expect(read.request.input).toEqual([...PRIOR, said('user', 'three')])
  })

  test.each([
    [
      'an unknown response',
      { previous_response_id: 'resp_2', input: 'x' },
      { code: 'previous_response_not_found', status: 400, param: 'previous_response_id' },
    ],
    [
      'an unknown conversation',
      { conversation: 'conv_2', input: 'x' },
      { code: 'not_found', param: 'conversation' },
    ],
    [
      'a conversation without an id',
      { conversation: {}, input: 'x' },
      { code: 'invalid_request', param: 'conversation' },
    ],
    [
      'an unknown item',
      { input: [said('user', 'x'), { type: 'item_reference', id: 'msg_none' }] },
      { code: 'not_found', param: 'input[1]' },
    ],
    [
      'two histories at once',
      { previous_response_id: 'resp_1', conversation: 'conv_1', input: 'x' },
      { code: 'invalid_request', param: 'previous_response_id' },
    ],
  ])('%s is an error that names it', async (_name, json, error) => {
    await expect(expand(json)).rejects.toMatchObject(error)
  })
})
