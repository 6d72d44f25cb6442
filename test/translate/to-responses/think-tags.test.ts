import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createThinkTags } from '../../../src/translate/to-responses/think-tags.ts'
import { runStream, saidIn, sseOf } from './harness.ts'
import { call, chunk, ending } from './quirks/quirk.ts'

function split(pieces: readonly string[]): { reasoning: string; text: string; order: string } {
  let reasoning = ''
  let text = ''
  let order = ''
  const tags = createThinkTags({
    reasoning: (piece) => {
      reasoning += piece
      order += 'r'
    },
    text: (piece) => {
      text += piece
      order += 't'
    },
  })
  for (const piece of pieces) tags.push(piece)
  tags.flush()
  return { reasoning, text, order }
}

const rows: { name: string; text: string; reasoning: string; rest: string }[] = [
  { name: 'both tags', text: '<think>Hm.</think>Four.', reasoning: 'Hm.', rest: 'Four.' },
  {
    name: 'white space around the tags is dropped, inside it is kept',
    text: '\n <think>\nHm.\n</think>\n\nFour.\n',
    reasoning: '\nHm.\n',
    rest: 'Four.\n',
  },
  { name: 'the closing tag only', text: 'Hm.</think>Four.', reasoning: 'Hm.', rest: 'Four.' },
  { name: 'the closing tag first', text: '</think>Four.', reasoning: '', rest: 'Four.' },
  { name: 'nothing inside', text: '<think></think>Four.', reasoning: '', rest: 'Four.' },
  { name: 'no tags', text: ' Four.', reasoning: '', rest: ' Four.' },
  { name: 'never closed', text: '<think>Hm. </thin', reasoning: 'Hm. </thin', rest: '' },
  { name: 'nothing behind', text: '<think>Hm.</think>\n', reasoning: 'Hm.', rest: '' },
  {
    name: 'a comparison inside',
    text: '<think>a < b </ c</think>d < e',
    reasoning: 'a < b </ c',
    rest: 'd < e',
  },
  {
    name: 'later tags are text',
    text: '<think>a</think>b<think>c</think>',
    reasoning: 'a',
    rest: 'b<think>c</think>',
  },
  { name: 'half an opening tag', text: ' <thi', reasoning: '', rest: ' <thi' },
  { name: 'white space only', text: ' \n', reasoning: '', rest: ' \n' },
]

describe('createThinkTags', () => {
  test.each(rows)('$name', ({ text, reasoning, rest }) => {
    expect(split([text])).toMatchObject({ reasoning, text: rest })
  })

  test.each(rows)('$name, unit by unit', ({ text, reasoning, rest }) => {
    expect(split(text.split(''))).toMatchObject({ reasoning, text: rest })
  })

  test('any cut gives the same, reasoning always before text', () => {
    const piece = fc.constantFrom('<think>', '</think>', '<', '/', 'think>', ' ', '\n', 'a', '😀')
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const whole = split([pieces.join('')])
        const { reasoning, text, order } = split(pieces)
        expect({ reasoning, text }).toEqual({ reasoning: whole.reasoning, text: whole.text })
        expect(order).toMatch(/^r*t*$/)
      }),
    )
  })

  test('reasoning between the tags streams', () => {
    const seen: string[] = []
    const tags = createThinkTags({ reasoning: (piece) => seen.push(piece), text: () => undefined })
    for (const piece of ['<think>One', ' two', ' three']) tags.push(piece)
    expect(seen).toEqual(['One', ' two', ' three'])
  })

  test('text without tags is let go when it grows too long to be held', () => {
    const seen: string[] = []
    const tags = createThinkTags({ reasoning: () => undefined, text: (piece) => seen.push(piece) })
    for (let index = 0; index < 5; index++) tags.push('x'.repeat(65_536))
    tags.push('live')
    expect(seen.join('')).toHaveLength(5 * 65_536 + 4)
  })
})

describe('think tags in an answer', () => {
  const run = (messages: readonly unknown[]) => runStream(sseOf(messages), { thinkTags: true })

  test('a call ends the head: what was held is text', () => {
    const { events, response } = run([
      chunk({ content: 'Looking' }),
      call(0, 'call_a', 'ls', '{}'),
      ...ending('tool_calls'),
    ])
    expect(saidIn(events)).toMatchObject({ text: 'Looking', reasoning: '' })
    expect(response.output.map(({ type }) => type)).toEqual(['message', 'function_call'])
  })

  test('an upstream that sends reasoning by itself has no tags to be read', () => {
    const { events } = run([
      chunk({ reasoning: 'Hm.' }),
      chunk({ content: 'The tag is </think>.' }),
      ...ending('stop'),
    ])
    expect(saidIn(events)).toMatchObject({ text: 'The tag is </think>.', reasoning: 'Hm.' })
  })
})
