/** `synth rollout` in this process, on a bridge that follows the written contract. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { CliContext } from '../../../src/cli/context.ts'
import { type RolloutLine, readLines } from '../../../src/rollout/line.ts'
import { type CliResult, createTestCli, type TestCli } from '../../support/cli.ts'
import {
  type FakeInterceptor,
  type FakeInterceptorOptions,
  startFakeInterceptor,
} from '../../support/fake-interceptor.ts'

export const OUT = 'runs/x.jsonl'

export interface Stage {
  readonly cli: TestCli
  readonly bridge: FakeInterceptor
  /** With a model, an out file and the bridge; further flags may say otherwise. */
  run(
    taskApp: string,
    seeds: string,
    flags?: readonly string[],
    changes?: Partial<CliContext>,
  ): Promise<CliResult>
  /** Of the out file, as they stand in it. */
  lines(): RolloutLine[]
}

export async function openStage(
  options: FakeInterceptorOptions = {},
  files: Readonly<Record<string, string>> = {},
): Promise<Stage> {
  const bridge = await startFakeInterceptor(options)
  onTestFinished(() => bridge.close())
  const cli = createTestCli(files)
  return {
    cli,
    bridge,
    run: (taskApp, seeds, flags = [], changes = {}) =>
      cli.run(
        [
          ...['rollout', '--task-app', taskApp, '--seeds', seeds, '--model', 'm'],
          ...['--out', OUT, '--url', bridge.url, ...flags],
        ],
        { fetch: globalThis.fetch, ...changes },
      ),
    lines: () => {
      const text = readFileSync(join(cli.cwd, OUT), 'utf8')
      const rows = text.trimEnd().split('\n')
      return rows.map((row) => {
        const line = [...readLines(`${row}\n`).lines.values()][0]
        if (line === undefined) throw new Error(`no line of a rollout: ${row}`)
        return line
      })
    },
  }
}

export const bySeed = (lines: readonly RolloutLine[]): RolloutLine[] =>
  lines.toSorted((left, right) => left.seed - right.seed)
