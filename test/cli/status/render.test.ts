/** The status page at several widths: golden text, and what holds of any answer. */
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { widthOf } from '../../../src/cli/layout.ts'
import { renderStatus, type StatusView } from '../../../src/cli/status/render.ts'
import { createStyle } from '../../../src/cli/style.ts'
import { limitOf, NOW_MS, recentOf, STATUS, sessionOf } from './samples.ts'

const VIEW: StatusView = {
  width: undefined,
  height: undefined,
  style: createStyle(false),
  nowMs: NOW_MS,
  url: 'http://127.0.0.1:4141',
  others: [],
  fault: undefined,
}

const GOLDEN = '../../../fixtures/status'

describe('the page', () => {
  test.each([
    ['off a terminal', { width: undefined }, 'plain'],
    ['wide', { width: 160 }, '160'],
    ['usual', { width: 80 }, '80'],
    ['narrow', { width: 40 }, '40'],
    ['low', { width: 80, height: 16 }, '80x16'],
    ['while the bridge is away', { width: 80, height: 12, fault: 'No answer: \u001b[2J' }, 'away'],
  ])('%s', async (_name, changes, golden) => {
    const lines = renderStatus(STATUS, { ...VIEW, ...changes })
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`${GOLDEN}/${golden}.txt`)
  })

  test('of a bridge with nothing on it', () => {
    const nothing = { ...STATUS, sessions: [], active_calls: [], recent_calls: [] }
    expect(renderStatus(nothing, { ...VIEW, width: 60 })).toEqual([
      'synth 0.1.0  up 1h 2m  http://127.0.0.1:4141  upstreams: lo…',
      '',
      'Sessions',
      'none is open',
      '',
      'Running',
      'no call',
      '',
      'Recent',
      'no call yet',
    ])
  })

  test('with colours says the same', () => {
    const style = createStyle(true)
    const painted = renderStatus(STATUS, { ...VIEW, width: 80, style }).join('\n')
    expect(stripVTControlCharacters(painted)).toBe(
      renderStatus(STATUS, { ...VIEW, width: 80 }).join('\n'),
    )
    expect(painted).toContain('\u001b[31mlimit_exceeded')
  })

  const text = fc.string({ unit: 'binary', maxLength: 60 })
  test('shows any names in the room there is, and obeys none of them', () => {
    const size = fc.record({ width: fc.integer({ min: 20, max: 200 }), height: fc.nat(60) })
    fc.assert(
      fc.property(text, text, text, size, (model, id, status, { width, height }) => {
        const answer = {
          ...STATUS,
          sessions: [sessionOf({ session_id: id, status })],
          recent_calls: [recentOf({ model, request_id: id, outcome: status, error_code: model })],
        }
        const lines = renderStatus(answer, { ...VIEW, width, height })
        expect(lines.length).toBeLessThanOrEqual(Math.max(height, 1))
        for (const line of lines) {
          expect(line).not.toMatch(/[\p{Cc}\p{Bidi_C}]/u)
          expect(widthOf(line)).toBeLessThanOrEqual(width)
        }
      }),
    )
  })
})

describe('a limit', () => {
  const colored = createStyle(true)
  test.each<[string, Record<string, unknown>, string]>([
    ['with room', { current_usage: '10' }, '32'],
    ['from four fifths on', { current_usage: '16' }, '33'],
    ['from its own threshold on', { current_usage: '10', warning_threshold: 50 }, '33'],
    ['that is used up', { current_usage: '20' }, '31'],
    ['that stopped a call', { current_usage: '19', exceeded_at: '2026-02-03T12:00:00Z' }, '31'],
    ['that stops none', { current_usage: '25', limit_type: 'soft' }, '33'],
  ])('%s has its colour', (_name, changes, color) => {
    const sessions = [sessionOf({ limits: [limitOf(changes)] })]
    const page = renderStatus({ ...STATUS, sessions }, { ...VIEW, style: colored, width: 80 })
    expect(page.find((line) => line.includes('█'))).toContain(`\u001b[${color}m█`)
  })
})
