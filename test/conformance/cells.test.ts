/** The matrix and its names, and that the page about it says the same. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CELLS, findMarker, markerOf, selectCells } from '../../src/conformance/cells.ts'
import { CONTENTS, cutDeltas, gather } from '../../src/conformance/contents.ts'
import { ENDINGS } from '../../src/conformance/endings.ts'
import { describeExpectation } from '../../src/conformance/expectation.ts'
import { RULES } from '../../src/conformance/rules.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/conformance.md'), 'utf8')

/** Rows of the page's tables that begin with a name: the name and the cells behind it. */
const rows = new Map(
  [...page.matchAll(/^\| `([\w.-]+)` \| (.+) \|$/gm)].map(([, name = '', rest = '']) => [
    name,
    rest.split(' | '),
  ]),
)

describe('docs/conformance.md', () => {
  test('lists the endings, contents and rules there are, and no others', () => {
    const known = [...ENDINGS, ...CONTENTS].map(({ name }) => name).concat(Object.keys(RULES))
    expect([...rows.keys()].sort()).toEqual([...known].sort())
  })

  test.each(ENDINGS)(
    '$name is what the page says',
    ({ name, title, contents, modes, why, expect: expected }) => {
      const tried =
        contents.length === CONTENTS.length ? 'all' : contents.map((c) => c.name).join(', ')
      const [content] = contents
      if (content === undefined) throw new Error('no content')
      const right = describeExpectation(expected(content))
      const forms = modes.length === 2 ? 'both' : 'streamed'
      expect(rows.get(name)).toEqual([title, tried, forms, right, why])
    },
  )

  test.each(Object.entries(RULES))('%s is what the page says', (name, { level, says }) => {
    expect(rows.get(name)).toEqual([level, says])
  })

  test('counts the cases', () => {
    expect(page).toContain(`${ENDINGS.length} endings`)
    expect(page).toContain(`${CELLS.length} cases`)
  })
})

describe('a selection', () => {
  const namesOf = (...wishes: string[]) => {
    const selection = selectCells(wishes)
    return selection.ok ? selection.cells.map(({ name }) => name) : selection.message
  }

  test('takes endings, contents, modes and whole names', () => {
    expect(namesOf()).toHaveLength(CELLS.length)
    expect(namesOf('html')).toEqual(['html/text/stream', 'html/text/whole'])
    expect(namesOf('eof/stream')).toHaveLength(CONTENTS.length)
    expect(namesOf('length/tool/whole')).toEqual(['length/tool/whole'])
    expect(namesOf('pause', 'html/whole')).toEqual([
      'pause/text/stream',
      'pause/reasoning/stream',
      'html/text/whole',
    ])
  })

  test('names the nearest to what is none', () => {
    expect(namesOf('html', 'pauze')).toBe(
      'No case is called "pauze". Did you mean pause? --list shows them all.',
    )
    expect(namesOf('html/tool')).toContain('No case is called "html/tool".')
  })
})

describe('a marker', () => {
  test('is found for every case in the JSON that holds it', () => {
    for (const cell of CELLS) {
      const body = JSON.stringify({ messages: [{ content: `Hello. ${markerOf(cell, 'a1')}` }] })
      expect(findMarker(body)).toBe(cell.name)
    }
  })

  test('is the last one of a history, and absent where none is', () => {
    const [first, second] = CELLS
    if (first === undefined || second === undefined) throw new Error('no cells')
    expect(findMarker(`${markerOf(first, 'a')} ${markerOf(second, 'b')}`)).toBe(second.name)
    expect(findMarker('{"messages":[]}')).toBeUndefined()
  })
})

test.each(CONTENTS)(
  'a cut $name is less than the whole, and has no call that can be run whole',
  (content) => {
    const whole = gather(content.deltas)
    const cut = gather(cutDeltas(content))
    expect(cut).not.toEqual(whole)
    for (const call of whole.calls) expect(JSON.parse(call.arguments)).toHaveProperty('city')
    expect(whole.calls.every(({ isWhole }) => isWhole)).toBe(true)
    const last = cut.calls.at(-1)
    if (last !== undefined) {
      expect(last.isWhole).toBe(false)
      expect(() => JSON.parse(last.arguments)).toThrow()
    }
  },
)
