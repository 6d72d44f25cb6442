/**
 * Completion scripts, tried in the shells themselves. bash is everywhere; zsh and fish are skipped where
 * they are not installed, and their scripts are kept as golden files besides.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Argument, Command, Option } from 'commander'
import { describe, expect, test } from 'vitest'
import { renderBash } from '../../src/cli/completion/bash.ts'
import { renderFish } from '../../src/cli/completion/fish.ts'
import { listCommands } from '../../src/cli/completion/tree.ts'
import { renderZsh } from '../../src/cli/completion/zsh.ts'
import { createTestCli } from '../support/cli.ts'

/** Everything that a script has to deal with. */
function sampleProgram(): Command {
  const program = new Command('my-tool').version('1.0.0')
  const group = program.command('config').summary("the user's files")
  group
    .command('check')
    .summary('say: ok')
    .option('--config <file>', 'the "file" to read')
    .option('--in <folder>', 'where')
    .addOption(new Option('-f, --format <name>', 'its format').choices(['toml', 'json']))
    .option('--name <text>', 'any text')
    .option('--json', 'print JSON')
    .addOption(new Option('--secret', 'not shown').hideHelp())
  program
    .command('shell')
    .summary('pick one')
    .addArgument(new Argument('<which>', 'a shell').choices(['bash', 'zsh']))
  program.command('hidden', { hidden: true }).summary('not shown')
  return program
}

const commands = listCommands(sampleProgram())
const SCRIPTS = {
  bash: renderBash('my-tool', commands),
  zsh: renderZsh('my-tool', commands),
  fish: renderFish('my-tool', commands),
}

/** A line as typed, the cursor at its end, and what is offered there. */
const CASES: [line: string, offered: string[]][] = [
  ['my-tool ', ['config', 'shell', 'help']],
  ['my-tool co', ['config']],
  ['my-tool config ', ['check', 'help']],
  ['my-tool config check --', ['--config', '--in', '--format', '--name', '--json', '--help']],
  ['my-tool config check --format ', ['toml', 'json']],
  ['my-tool config check --format t', ['toml']],
  ['my-tool config check --json --for', ['--format']],
  ['my-tool config check --config o', ['one.toml']],
  ['my-tool config check --in ', ['folder']],
  ['my-tool config check --name ', []],
  ['my-tool shell ', ['bash', 'zsh']],
  ['my-tool shell check ', ['bash', 'zsh']],
  ['my-tool nothing', []],
]

/** fish offers options only once a dash is there. */
const CASES_WITHOUT_DASH: typeof CASES = [
  ...CASES,
  ['my-tool config check ', ['--config', '--in', '--format', '--name', '--json', '--help']],
]

function folderWith(script: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'synth-completion-'))
  writeFileSync(join(folder, 'one.toml'), '')
  execFileSync('mkdir', [join(folder, 'folder')])
  writeFileSync(join(folder, 'home.completion'), script)
  return folder
}

function run(shell: string, args: string[], cwd: string): string[] {
  const { status, stdout, stderr } = spawnSync(shell, args, { cwd, encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout.split('\n').filter((line) => line !== '')
}

const isInstalled = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0

/** Short options are offered as well, by some shells, and are none of the cases' business. */
function expectOffered(offered: string[], expected: string[]): void {
  const own = offered.filter((word) => !/^-\w$/.test(word))
  expect(own.map((word) => word.replace(/\/$/, '')).sort()).toEqual([...expected].sort())
}

test.each(Object.entries(SCRIPTS))('the script for %s', async (shell, script) => {
  await expect(script).toMatchFileSnapshot(`../../fixtures/completion/my-tool.${shell}`)
})

test('hidden commands and options are not offered', () => {
  for (const script of Object.values(SCRIPTS)) {
    expect(script).not.toContain('hidden')
    expect(script).not.toContain('secret')
  }
})

describe.skipIf(!isInstalled('bash'))('bash', () => {
  const folder = folderWith(SCRIPTS.bash)
  /** As readline would: the words, `=` one of them, and the cursor at the last. */
  const offer = (line: string): string[] => {
    const words = line.split(/ |(=)/).filter((word) => word !== undefined)
    const list = words.map((word) => `'${word}'`).join(' ')
    return run(
      'bash',
      [
        '--norc',
        '-c',
        `source home.completion; COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}
         _my_tool 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ],
      folder,
    )
  }

  test.each(CASES_WITHOUT_DASH)('%s', (line, expected) => {
    expectOffered(offer(line), expected)
  })

  test('a value after "=" is completed like one after a blank', () => {
    expect(offer('my-tool config check --format=')).toEqual(['toml', 'json'])
    expect(offer('my-tool config check --format=j')).toEqual(['json'])
  })

  test('what follows "--" is left to the shell', () => {
    expect(offer('my-tool config check -- --')).toEqual([])
  })

  test('the function is bound to the command', () => {
    const bound = run(
      'bash',
      ['--norc', '-c', 'source home.completion; complete -p my-tool'],
      folder,
    )
    expect(bound).toEqual(['complete -F _my_tool my-tool'])
  })
})

describe.skipIf(!isInstalled('zsh'))('zsh', () => {
  const folder = folderWith(SCRIPTS.zsh)
  /** The completion system's functions, as far as the script uses them, printing what they are given. */
  const STUBS = `
    compdef() { }
    _message() { }
    _default() { }
    _describe() { local -a all; all=("\${(@P)2}"); for each in $all; do
      word=\${each%%:*}; [[ $word == "$words[CURRENT]"* ]] && print -r -- $word; done }
    compadd() { shift; for word in "$@"; do [[ $word == "$words[CURRENT]"* ]] && print -r -- $word; done }
    _files() { local only=$1; for word in *; do [[ $only == "-/" && ! -d $word ]] && continue
      [[ $word == "$words[CURRENT]"* ]] && print -r -- $word; done }
  `
  test.each(CASES_WITHOUT_DASH)('%s', (line, expected) => {
    const words = line.split(' ')
    const list = words.map((word) => `'${word}'`).join(' ')
    const script = `${STUBS} source ./home.completion; words=(${list}); CURRENT=${words.length}; _my_tool; true`
    expectOffered(run('zsh', ['-f', '-c', script], folder), expected)
  })
})

describe.skipIf(!isInstalled('fish'))('fish', () => {
  const folder = folderWith(SCRIPTS.fish)
  test.each(CASES)('%s', (line, expected) => {
    const script = `source ./home.completion; complete -C '${line}'`
    const offered = run('fish', ['--no-config', '-c', script], folder)
    expectOffered(
      offered.map((text) => text.split('\t')[0] ?? ''),
      expected,
    )
  })
})

describe('synth completion', () => {
  test.each(['bash', 'zsh', 'fish'])('%s knows every command there is', async (shell) => {
    const { run: synth } = createTestCli()
    const { code, stdout } = await synth(['completion', shell])
    expect(code).toBe(0)
    const { stdout: help } = await synth(['--help'])
    const listed = help.slice(help.indexOf('Commands:'), help.indexOf('Examples:'))
    const names = [...listed.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name ?? '')
    expect(names).toContain('serve')
    for (const name of names) expect(stdout).toContain(`'${name === 'help' ? 'serve' : name}'`)
    expect(stdout).toContain('config check')
  })

  test('a script of the real program is one that bash takes', async () => {
    const { stdout } = await createTestCli().run(['completion', 'bash'])
    const { status, stderr } = spawnSync('bash', ['-n'], { input: stdout, encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  test.each<[args: string[], message: string]>([
    [[], "missing required argument 'shell'"],
    [['tcsh'], 'Allowed choices are bash, zsh, fish.'],
  ])('%j exits with 2', async (args, message) => {
    const { code, stderr } = await createTestCli().run(['completion', ...args])
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })
})
