import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyChanges, type Change } from '../../src/trace/change.ts'
import { changesBetween } from '../../src/trace/diff.ts'
import { join, split } from '../../src/trace/pieces.ts'
import { redactJson } from '../../src/trace/redact-json.ts'

const diff = (received: unknown, sent: unknown): Change[] =>
  changesBetween(received, sent, JSON.stringify(received).length)

/** As it comes out of `JSON.parse`, with texts and parts long enough to be pointed at. */
const json = fc
  .letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>('a'.repeat(80), 'b'.repeat(200), 'short', 1, null, true),
      fc.string({ maxLength: 90 }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(
        fc.oneof(fc.constantFrom('a/b', 'm~n', '__proto__', '0'), fc.string()),
        tie('value'),
        {
          maxKeys: 4,
        },
      ),
    ),
  }))
  .value.map((value) => JSON.parse(JSON.stringify(value)))
const request = fc.dictionary(fc.constantFrom('input', 'messages', 'tools', 'x'), json)

describe('changes', () => {
  test('carried out on what was received, they give what was sent', () => {
    fc.assert(
      fc.property(request, request, (received, sent) => {
        const before = JSON.stringify(received)
        expect(applyChanges(received, diff(received, sent))).toEqual(sent)
        expect(JSON.stringify(received)).toBe(before)
      }),
    )
  })

  test('behind those of a candidate they give what was sent, also where the candidate fits no more', () => {
    const candidates: Change[][] = [
      [{ op: 'set', path: '/x', value: 'other', role: 'user', by: 'sections[0]' }],
      [{ op: 'edit', path: '/x', edits: [{ at: 1, removed: 1, inserted: 'é' }] }],
      [{ op: 'insert', path: '/input/0', value: { role: 'user' } }],
      [{ op: 'remove', path: '/messages/0' }],
    ]
    fc.assert(
      fc.property(request, request, fc.constantFrom(...candidates), (received, sent, first) => {
        const changes = changesBetween(received, sent, 0, first)
        expect(applyChanges(received, changes)).toEqual(sent)
      }),
    )
  })

  test('there are none where nothing was changed', () => {
    fc.assert(
      fc.property(request, (same) => {
        expect(diff(same, structuredClone(same))).toEqual([])
      }),
    )
  })

  test('what another wire says in another shape is pointed at, not repeated', () => {
    const text = 'You are a very careful assistant. '.repeat(300)
    const parameters = { type: 'object', properties: { path: { description: 'd'.repeat(500) } } }
    const received = {
      instructions: text,
      input: [{ role: 'user', content: [{ type: 'input_text', text }] }],
      tools: [{ type: 'function', name: 'read', parameters }],
    }
    const sent = {
      messages: [
        { role: 'system', content: `${text}\n\nand more` },
        { role: 'user', content: text },
      ],
      tools: [{ type: 'function', function: { name: 'read', parameters } }],
    }
    const changes = diff(received, sent)
    expect(applyChanges(received, changes)).toEqual(sent)
    expect(JSON.stringify(changes).length).toBeLessThan(900)
  })

  test('of another request they are refused', () => {
    expect(() => applyChanges({}, [{ op: 'copy', path: '/a', from: '/b' }])).toThrow(RangeError)
    expect(() => applyChanges({ a: 1 }, [{ op: 'edit', path: '/a', edits: [] }])).toThrow(
      RangeError,
    )
  })
})

describe('pieces', () => {
  test('put together they are what was cut', () => {
    fc.assert(
      fc.property(json, (value) => {
        const { rest, pieces } = split(value)
        expect(join(JSON.parse(rest), pieces)).toEqual(value)
      }),
    )
  })

  test('a turn more is one piece more', () => {
    const turn = (at: number) => ({ role: 'user', content: `${at} ${'x'.repeat(1000)}` })
    const bodies = (count: number) =>
      split({ input: Array.from({ length: count }, (_, at) => turn(at)) }).pieces.map(
        ({ body }) => body,
      )
    expect(bodies(9).slice(0, 8)).toEqual(bodies(8))
  })
})

describe('redaction', () => {
  const redact = (text: string) => text.replaceAll('hunter2', '[redacted]')

  test.each([
    ['behind an escape', { a: '\nhunter2' }, { a: '\n[redacted]' }],
    ['deep in a list', { a: [{ b: 'x hunter2' }] }, { a: [{ b: 'x [redacted]' }] }],
    ['in a name', { hunter2: 1 }, { '[redacted]': 1 }],
    ['by the name of its member', { api_key: 'odd' }, { api_key: '[redacted]' }],
    [
      'in the headers of a tool',
      { tools: [{ headers: { Authorization: 'odd' } }] },
      { tools: [{ headers: { Authorization: '[redacted]' } }] },
    ],
    [
      'but not a schema that speaks of one',
      { properties: { api_key: { type: 'string' } } },
      { properties: { api_key: { type: 'string' } } },
    ],
  ])('%s', (_, value, clean) => {
    expect(redactJson(value, redact)).toEqual(clean)
  })

  test('what holds none comes back as it is', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(redactJson(value, redact)).toBe(value)
      }),
    )
  })
})
