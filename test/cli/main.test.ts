/** What holds for every command, and the command as a process. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { listCommands } from '../../src/cli/completion/tree.ts'
import { systemContext } from '../../src/cli/context.ts'
import { createProgram } from '../../src/cli/main.ts'
import { VERSION } from '../../src/version.ts'
import { createTestCli } from '../support/cli.ts'

const BIN = join(import.meta.dirname, '../../src/bin.ts')

const commands = listCommands(createProgram(systemContext(), () => {}))
const paths = commands.map(({ path }) => path)
/** Those that print data, and so print it as JSON, too. */
const DATA = ['init', 'config check', 'config show', 'config schema', 'doctor', 'rollout']

describe('every command', () => {
  test.each(paths)('synth %s --help exits with 0, summarised and with examples', async (path) => {
    const { run } = createTestCli()
    const words = path.split(' ').filter((word) => word !== '')
    const { code, stdout, stderr } = await run([...words, '--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain(`Usage: ${['synth', ...words].join(' ')}`)
    const isGroup = commands.some((command) => command.path.startsWith(`${path} `))
    if (path === '' || !isGroup) {
      expect(stdout).toMatch(/\nExamples:\n {2}\S*.*synth /)
    }
    const summary = commands.find((command) => command.path === path)?.summary
    expect(path === '' || summary !== '').toBe(true)
  })

  test.each(DATA)('synth %s takes --json', async (path) => {
    expect(paths).toContain(path)
    const { stderr } = await createTestCli().run([...path.split(' '), '--json', '--no-such-flag'])
    expect(stderr).toContain("unknown option '--no-such-flag'")
  })

  test.each(paths.filter((path) => path !== ''))(
    'synth %s refuses what it does not know',
    async (path) => {
      const { code, stdout, stderr } = await createTestCli().run([
        ...path.split(' '),
        '--no-such-flag',
      ])
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toContain("unknown option '--no-such-flag'")
    },
  )

  test('options of one name say the same everywhere', () => {
    const said = new Map<string, Set<string>>()
    for (const { options } of commands) {
      for (const { names, summary } of options) {
        const name = names[0] ?? ''
        said.set(name, (said.get(name) ?? new Set()).add(summary))
      }
    }
    for (const name of ['--config', '--json', '--help']) expect(said.get(name)?.size).toBe(1)
  })
})

describe('the program', () => {
  test.each<[args: string[], code: number, text: string]>([
    [[], 2, 'Usage: synth'],
    [['--version'], 0, VERSION],
    [['srve'], 2, '(Did you mean serve?)'],
    [['config', 'chek'], 2, '(Did you mean check?)'],
    [['config'], 2, 'Usage: synth config'],
    [['doctor', '--jsn'], 2, '(Did you mean --json?)'],
    [['--help'], 0, 'synth init && synth doctor'],
  ])('%j exits with %i', async (args, code, text) => {
    const result = await createTestCli().run(args)
    expect(result.code).toBe(code)
    const [right, other] =
      code === 0 ? [result.stdout, result.stderr] : [result.stderr, result.stdout]
    expect(right).toContain(text)
    expect(other).toBe('')
  })
})

describe('as a process', () => {
  const { cwd } = createTestCli({
    'good.toml': '[upstreams.u]\nbase_url = "http://127.0.0.1:9/v1"\n',
    'bad.toml': '[server]\nprot = 1\n',
  })
  const env = { PATH: process.env['PATH'], HOME: join(cwd, 'home'), TERM: 'xterm-256color' }
  const spawn = (command: string, args: string[], more: Record<string, string> = {}) =>
    spawnSync(command, args, { cwd, env: { ...env, ...more }, encoding: 'utf8' })
  const synth = (...args: string[]) => spawn(process.execPath, [BIN, ...args])

  test.each<[args: string[], code: number]>([
    [['config', 'check', '--config', 'good.toml'], 0],
    [['config', 'check', '--config', 'bad.toml'], 2],
    [['doctor', '--config', 'good.toml'], 1],
  ])('%j exits with %i', (args, code) => {
    expect(synth(...args).status).toBe(code)
  })

  test('a reader that has gone before the first line is no error', () => {
    const line = `"${process.execPath}" "${BIN}" config schema; echo "status $?" >&2`
    const { stderr } = spawn('sh', ['-c', `{ ${line}; } | true`])
    expect(stderr).toBe('status 0\n')
  })

  test('nothing is asked without a terminal', () => {
    const { status, stderr } = synth('init')
    expect(status).toBe(2)
    expect(stderr).toContain('There is no terminal to ask at')
  })

  const hasPty = spawnSync('script', ['--version']).status === 0
  const onTerminal = (more: Record<string, string>) =>
    spawn(
      'script',
      ['-qec', `"${process.execPath}" "${BIN}" config check --config good.toml`, '/dev/null'],
      more,
    ).stdout

  test.skipIf(!hasPty)('colours are shown on a terminal, and obey NO_COLOR', () => {
    expect(onTerminal({})).toContain('\u001b[32mok:\u001b[39m')
    expect(onTerminal({ NO_COLOR: '1' })).toMatch(/^ok: good\.toml/)
    expect(onTerminal({ TERM: 'dumb' })).toMatch(/^ok: good\.toml/)
    expect(synth('config', 'check', '--config', 'good.toml').stdout).toMatch(/^ok: good\.toml/)
  })
})
