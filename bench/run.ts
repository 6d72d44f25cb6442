/**
 * `npm run bench`: what the bridge costs beside a byte pipe, as ratios taken in one run.
 * What is measured and why: `docs/performance.md`.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { measureGrowth } from './figures/growth.ts'
import { measureHistory } from './figures/history.ts'
import { measureMemory } from './figures/memory.ts'
import { measurePaced } from './figures/paced.ts'
import { measurePacked } from './figures/packed.ts'
import { measureSlowReader } from './figures/slow-reader.ts'
import { type Lab, openLab } from './lab.ts'
import { formatTable, type Row, replaceTable } from './report.ts'
import { pipePlan, planBridge } from './targets.ts'

const FIGURES: Readonly<Record<string, (lab: Lab) => Promise<Row[]>>> = {
  packed: measurePacked,
  paced: measurePaced,
  growth: measureGrowth,
  history: measureHistory,
  memory: measureMemory,
  'slow-reader': measureSlowReader,
}

const USAGE = `npm run bench -- [options]
  --only NAME      one figure; repeatable: ${Object.keys(FIGURES).join(', ')}
  --quick          fewer rounds and less work: a first look, not a figure to quote
  --rounds N       how often the targets take turns
  --entry FILE     the bridge to measure (default: src/bin.ts)
  --before FILE    another bridge (src/bin.ts of another checkout) to compare it with, in the same rounds
  --profile DIR    write a CPU profile of each proxy into DIR; the figures of such a run do not count
  --write-docs     put the table into docs/performance.md
`

const root = resolve(import.meta.dirname, '..')

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      entry: { type: 'string', default: resolve(root, 'src/bin.ts') },
      before: { type: 'string' },
      profile: { type: 'string' },
      'write-docs': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const only = values.only ?? Object.keys(FIGURES)
  const unknown = only.find((name) => !Object.hasOwn(FIGURES, name))
  if (unknown !== undefined) throw new Error(`no figure "${unknown}"\n\n${USAGE}`)
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 7))
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds ${values.rounds}: not a count`)
  return { ...values, only, rounds }
}

function describeMachine(rounds: number): string {
  const cores = availableParallelism()
  const model = cpus()[0]?.model ?? 'unknown processor'
  return `${rounds} rounds, Node ${process.versions.node}, ${process.platform}, ${cores} cores (${model})`
}

async function run(): Promise<number> {
  const options = readOptions()
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  const plans = [pipePlan, planBridge('bridge', options.entry)]
  if (options.before !== undefined) plans.push(planBridge('before', options.before))
  const lab = await openLab({
    rounds: options.rounds,
    scale: options.quick ? 0.25 : 1,
    plans,
    nodeFlags:
      options.profile === undefined
        ? []
        : ['--cpu-prof', `--cpu-prof-dir=${resolve(options.profile)}`],
    say: (line) => console.error(line),
  })
  const rows: Row[] = []
  try {
    for (const name of options.only) rows.push(...((await FIGURES[name]?.(lab)) ?? []))
  } finally {
    await lab.close()
  }
  const names = plans.map((plan) => plan.name)
  const table = `${formatTable(rows, names)}\n\n${describeMachine(options.rounds)}.`
  console.log(table)
  if (options['write-docs']) {
    const file = resolve(root, 'docs/performance.md')
    await writeFile(file, replaceTable(await readFile(file, 'utf8'), table))
  }
  const missed = rows.some(
    ({ verdict }) => (verdict?.goal ?? Infinity) < (verdict?.spread.median ?? 0),
  )
  return missed ? 1 : 0
}

try {
  process.exitCode = await run()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 2
}
