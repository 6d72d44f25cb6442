import { describe, expect, test } from 'vitest'
import { assistant, call, developer, output, translate, user } from './helpers.ts'

const round = (id: string, args = '{"a":1}', result: unknown = 'same') => [
  call(id, 'look', args),
  output(id, result),
]
const png = (data: string) => [
  { type: 'input_text', text: 'shot' },
  { type: 'input_image', image_url: `data:image/png;base64,${data}` },
]
const stopped = (items: unknown[], maxRepeatedCalls = 3) =>
  translate({ input: [user('Go.'), ...items] }, { maxRepeatedCalls }).stopped

describe('the repeat guard', () => {
  test('stops the model at the limit and says which tool and how often', () => {
    const text = stopped([...round('1'), ...round('2'), ...round('3'), ...round('4')])
    expect(text).toContain('look')
    expect(text).toContain('4 times')
  })

  test.each<[string, unknown[]]>([
    [
      'in parallel',
      [call('1'), call('2'), call('3'), output('1', ''), output('2', ''), output('3', '')],
    ],
    ['with words between', [...round('1'), assistant('Again.'), ...round('2'), ...round('3')]],
    [
      'with a developer’s message between',
      [...round('1'), developer('D'), ...round('2'), ...round('3')],
    ],
    ['after other calls', [...round('0', '{"b":1}'), ...round('1'), ...round('2'), ...round('3')]],
    ['under one id', [...round('x'), ...round('x'), ...round('x')]],
    [
      'with the same image each time',
      [
        round('1', '{}', png('AA')),
        round('2', '{}', png('AA')),
        round('3', '{}', png('AA')),
      ].flat(),
    ],
  ])('counts the same call and output %s', (_, items) => {
    expect(stopped(items)).toBeTypeOf('string')
  })

  test.each<[string, unknown[]]>([
    ['it happened less often', [...round('1'), ...round('2')]],
    ['the arguments differ', [...round('1'), ...round('2', '{"a":2}'), ...round('3')]],
    ['the output differs', [...round('1'), ...round('2'), ...round('3', '{"a":1}', 'new')]],
    [
      'the tool differs',
      [...round('1'), call('2', 'see', '{"a":1}'), output('2', 'same'), ...round('3')],
    ],
    ['the user has spoken', [...round('1'), ...round('2'), ...round('3'), user('Go on.')]],
    ['the user spoke between', [...round('1'), user('Go on.'), ...round('2'), ...round('3')]],
    [
      'the model has said its last word',
      [...round('1'), ...round('2'), ...round('3'), assistant('Done.')],
    ],
    ['a call was interrupted', [...round('1'), ...round('2'), call('3', 'look', '{"a":1}')]],
    [
      'the image differs',
      [
        round('1', '{}', png('AA')),
        round('2', '{}', png('AB')),
        round('3', '{}', png('AA')),
      ].flat(),
    ],
    [
      'the output has a part that nobody can read',
      ['1', '2', '3'].flatMap((id) => round(id, '{}', [{ type: 'hologram', at: id }])),
    ],
  ])('lets the model go on when %s', (_, items) => {
    expect(stopped(items)).toBeUndefined()
  })

  test('is off at 0', () => {
    expect(stopped([...round('1'), ...round('2'), ...round('3')], 0)).toBeUndefined()
  })
})
