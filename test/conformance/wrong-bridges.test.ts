/** The suite can fail: every rule is broken by a bridge that is wrong in one way, and is seen to be. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cell, selectCells } from '../../src/conformance/cells.ts'
import { RULES, type RuleName } from '../../src/conformance/rules.ts'
import { type CellResult, runCells } from '../../src/conformance/run.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../../src/conformance/upstream.ts'
import { startTestBridge, type TestBridge } from '../support/bridge.ts'
import { FAULTS } from './faults.ts'
import { type Spoiler, startWrongBridge } from './wrong-bridge.ts'

let upstream: ScriptedUpstream
let right: TestBridge

beforeAll(async () => {
  upstream = await startScriptedUpstream({ port: 0, model: 'm', pauseTimeoutMs: 50 })
  right = await startTestBridge({
    config: {
      upstreams: { scripted: { base_url: upstream.baseUrl, max_retries: 0 } },
      models: { m: { upstream: 'scripted' } },
    },
  })
})

afterAll(async () => {
  await right.close()
  await upstream.close()
})

function cellsOf(wishes: readonly string[]): readonly Cell[] {
  const selection = selectCells(wishes)
  if (!selection.ok) throw new Error(selection.message)
  return selection.cells
}

let runs = 0

async function tryBridge(spoiler: Spoiler, wishes: readonly string[]): Promise<CellResult[]> {
  const wrong = await startWrongBridge(`${right.url}/v1`, spoiler)
  runs += 1
  try {
    return await runCells({
      cells: cellsOf(wishes),
      target: { baseUrl: wrong.baseUrl, model: 'm', apiKey: undefined, timeoutMs: 10_000 },
      upstream,
      run: `run-${runs}`,
      signal: new AbortController().signal,
      onResult: () => {},
    })
  } finally {
    await wrong.close()
  }
}

const rulesOf = ({ failures, warnings }: CellResult): RuleName[] =>
  [...failures, ...warnings].map(({ rule }) => rule)

describe('a bridge that', () => {
  test.each(FAULTS)('$name is caught by $rule', async ({ tries, caughtBy, rule, spoiler }) => {
    const results = await tryBridge(spoiler, tries)
    const caught = results.filter((result) => rulesOf(result).includes(rule))
    expect(caught.map(({ cell }) => cell.name)).toEqual(
      cellsOf(tries)
        .filter((cell) => cellsOf(caughtBy).includes(cell))
        .map(({ name }) => name),
    )
    const failed = results.filter(({ failures }) => failures.length > 0)
    const isFatal = RULES[rule].level === 'must'
    expect(failed.map(({ cell }) => cell.name)).toEqual(
      isFatal ? caught.map(({ cell }) => cell.name) : [],
    )
  })
})

test('a right bridge behind the same detour fails only where its answer is gathered', async () => {
  const results = await tryBridge({}, ['stop', 'length', 'eof', 'pause'])
  const failed = results.flatMap(({ cell, failures }) =>
    failures.map(({ rule }) => `${cell.name} ${rule}`),
  )
  expect(failed).toEqual(['pause/text/stream stream.live', 'pause/reasoning/stream stream.live'])
})

test('every rule has a fault that breaks it', () => {
  const broken = new Set(FAULTS.map(({ rule }) => rule))
  expect(Object.keys(RULES).filter((rule) => !broken.has(rule as RuleName))).toEqual([])
})
