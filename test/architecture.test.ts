/**
 * The house's one structural rule, read off the imports themselves: they point down, never up and
 * never sideways between two edges; and the pure rooms touch nothing of the outside.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

const SOURCE = join(import.meta.dirname, '../src')

/** Level of a room; `top` rooms know everybody. */
const LEVELS: Record<string, number> = {
  'errors.ts': -1,
  'version.ts': -1,
  protocol: 0,
  translate: 1,
  budget: 1,
  trace: 1,
  trial: 1,
  rollout: 1,
  config: 1,
  gateway: 2,
  store: 3,
  upstream: 3,
  seal: 3,
  server: 3,
  codex: 3,
  grammar: 3,
  'task-app': 3,
  demo: 4,
  conformance: 4,
  web: 3,
  telemetry: 3,
  'system.ts': 3,
  compose: 3.5,
  'compose.ts': 4,
  cli: 5,
  'index.ts': 5,
  'bin.ts': 6,
}

/** `config` is not among them: finding and reading the file is its business. */
const PURE_ROOMS = new Set([
  'errors.ts',
  'protocol',
  'translate',
  'budget',
  'trace',
  'trial',
  'rollout',
  'gateway',
])
/** What a pure room may import from outside. */
const PURE_PACKAGES = new Set(['zod'])

interface Import {
  readonly from: string
  readonly to: string
}

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.replaceAll('\\', '/'))

const imports: Import[] = files.flatMap((from) =>
  [...readFileSync(join(SOURCE, from), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
    ([, to = '']) => ({ from, to }),
  ),
)

const roomOf = (file: string): string => file.split('/')[0] ?? file

function targetRoom({ from, to }: Import): string {
  return roomOf(relative(SOURCE, join(SOURCE, dirname(from), to)).replaceAll('\\', '/'))
}

const isPure = (file: string): boolean => PURE_ROOMS.has(roomOf(file))

describe('the house', () => {
  test('every file stands in a room with a level', () => {
    expect(files.filter((file) => LEVELS[roomOf(file)] === undefined)).toEqual([])
  })

  test('imports point down, and never sideways between two rooms of one level', () => {
    const wrong = imports
      .filter(({ to }) => to.startsWith('.'))
      .filter((entry) => {
        const from = roomOf(entry.from)
        const to = targetRoom(entry)
        return from !== to && (LEVELS[to] ?? 99) >= (LEVELS[from] ?? -9)
      })
      // Level 1 rooms build on each other's values: a budget counts what a translation read.
      .filter((entry) => !(LEVELS[roomOf(entry.from)] === 1 && LEVELS[targetRoom(entry)] === 1))
      .map(({ from, to }) => `${from} -> ${to}`)
    expect(wrong).toEqual([])
  })

  test('the pure rooms import neither Node nor a server nor a socket', () => {
    const wrong = imports
      .filter(({ from, to }) => isPure(from) && !to.startsWith('.') && !PURE_PACKAGES.has(to))
      .map(({ from, to }) => `${from} -> ${to}`)
    expect(wrong).toEqual([])
  })

  test('no file is longer than 500 lines', () => {
    const long = files.filter((file) => {
      if (file.endsWith('.generated.ts')) return false
      return readFileSync(join(SOURCE, file), 'utf8').split('\n').length > 500
    })
    expect(long).toEqual([])
  })
})
