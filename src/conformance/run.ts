/** Runs cells one after another and says what each broke. */
import { performance } from 'node:perf_hooks'
import { askBridge, type Target } from './ask.ts'
import type { Cell } from './cells.ts'
import { checkAnswer } from './check-answer.ts'
import { type Finding, RULES } from './rules.ts'
import type { ScriptedUpstream } from './upstream.ts'

export interface CellResult {
  readonly cell: Cell
  /** Broken `must` rules: the cell failed if there is one. */
  readonly failures: readonly Finding[]
  /** Broken `should` rules. */
  readonly warnings: readonly Finding[]
  readonly tookMs: number
}

export interface RunOptions {
  readonly cells: readonly Cell[]
  readonly target: Target
  readonly upstream: ScriptedUpstream
  /** A word that no earlier run had. */
  readonly run: string
  readonly signal: AbortSignal
  readonly onResult: (result: CellResult) => void
}

/**
 * The results so far when `signal` aborts. One cell after another: a bridge that holds an upstream's
 * refusal against it for a while must not do so in the middle of another cell. It ends after the first
 * cell where that does not reach the upstream: none would.
 */
export async function runCells(options: RunOptions): Promise<CellResult[]> {
  const results: CellResult[] = []
  for (const cell of options.cells) {
    if (options.signal.aborted) break
    const result = await runCell(cell, options)
    if (options.signal.aborted) break
    results.push(result)
    options.onResult(result)
    if (results.length === 1 && !hasReached(result)) break
  }
  return results
}

export const hasReached = ({ failures }: CellResult): boolean =>
  !failures.some(({ rule }) => rule === 'reached')

async function runCell(cell: Cell, options: RunOptions): Promise<CellResult> {
  const { upstream } = options
  const found: Finding[] = []
  const report = (rule: Finding['rule'], message: string) => void found.push({ rule, message })
  const before = upstream.received.length
  const startedMs = performance.now()
  const answer = await askBridge(cell, options.target, {
    run: options.run,
    signal: options.signal,
    report,
    onDelta: () => upstream.resume(cell.name),
  })
  const calls = upstream.received.slice(before).filter((call) => call.cell === cell.name)
  if (calls.length === 0) {
    report('reached', `no request for this case came to ${upstream.baseUrl}`)
  }
  if (upstream.stalled.has(cell.name)) report('stream.live', 'nothing came while it paused')
  checkAnswer(answer, cell.ending.expect(cell.content), calls.at(-1)?.wish, report)
  const isFailure = ({ rule }: Finding) => RULES[rule].level === 'must'
  return {
    cell,
    failures: found.filter(isFailure),
    warnings: found.filter((finding) => !isFailure(finding)),
    tookMs: Math.round(performance.now() - startedMs),
  }
}
