/** What the recordings show of Responses streams themselves: 50–54. */
import { expect } from 'vitest'
import { PLAIN_SEAL } from '../harness.ts'
import { call, chunk, ending, type Quirk } from './quirk.ts'

export const responsesQuirks: readonly Quirk[] = [
  {
    number: 50,
    name: 'an error event, flat and nested, then response.failed',
    upstream: { messages: [{ error: { message: 'No quota left', code: 'insufficient_quota' } }] },
    expected: { status: 'failed', error: 'upstream_quota' },
    check: ({ events }) => {
      const said = { code: 'insufficient_quota', message: 'No quota left', param: null }
      expect(events.map(({ type }) => type)).toEqual([
        'response.created',
        'response.in_progress',
        'error',
        'response.failed',
      ])
      expect(events[2]).toEqual({
        type: 'error',
        ...said,
        error: { type: 'insufficient_quota', ...said },
      })
    },
  },
  {
    number: 51,
    name: 'an incomplete answer closes its last item as incomplete',
    upstream: { messages: [chunk({ content: 'Once upon' }), ...ending('length')] },
    expected: { text: 'Once upon', status: 'incomplete', reason: 'max_output_tokens' },
    check: ({ response, events }) => {
      expect(response.output).toMatchObject([{ status: 'incomplete' }])
      expect(events.at(-1)?.type).toBe('response.incomplete')
      expect(response.completed_at).toBeNull()
    },
  },
  {
    number: 52,
    name: 'reasoning as summary events, sealed only when done',
    upstream: {
      messages: [chunk({ reasoning: 'Hm.' }), chunk({ content: 'Four.' }), ...ending('stop')],
    },
    options: { seal: PLAIN_SEAL },
    expected: { reasoning: 'Hm.', text: 'Four.' },
    check: ({ events, response }) => {
      const own = events.filter((event) => 'output_index' in event && event.output_index === 0)
      expect(own.map(({ type }) => type)).toEqual([
        'response.output_item.added',
        'response.reasoning_summary_part.added',
        'response.reasoning_summary_text.delta',
        'response.reasoning_summary_text.done',
        'response.reasoning_summary_part.done',
        'response.output_item.done',
      ])
      const sealed = 'sealed:{"v":1,"text":"Hm."}'
      expect(own[0]).not.toHaveProperty('item.encrypted_content')
      expect(own[5]).toHaveProperty('item.encrypted_content', sealed)
      expect(response.output[0]).toHaveProperty('encrypted_content', sealed)
    },
  },
  {
    number: 53,
    name: 'one id for an item in all its events',
    upstream: {
      messages: [
        chunk({ content: 'Hm.' }),
        call(0, 'call_a', 'now', '{}'),
        ...ending('tool_calls'),
      ],
    },
    expected: { items: ['message', 'function_call'] },
    check: ({ events }) => {
      const idsByIndex = new Map<number, Set<string>>()
      for (const event of events) {
        if (!('output_index' in event)) continue
        const ids = idsByIndex.get(event.output_index) ?? new Set()
        ids.add('item' in event ? event.item.id : event.item_id)
        idsByIndex.set(event.output_index, ids)
      }
      expect([...idsByIndex.values()].map((ids) => [...ids])).toEqual([['msg_1'], ['fc_1']])
    },
  },
]
