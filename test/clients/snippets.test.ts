/** The snippets of `docs/clients.md`, run as they stand there but for the bridge's port. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { answer, call, say } from '../e2e/harness/turns.ts'
import type { Script } from '../e2e/harness/upstream.ts'
import { openStage, type StageOptions } from './stage.ts'

const ROOT = join(import.meta.dirname, '../..')
const DOCUMENTED_URL = 'http://127.0.0.1:4141/v1'
const SNIPPET_DEADLINE_MS = 15_000

const page = readFileSync(join(ROOT, 'docs/clients.md'), 'utf8')

const snippets = new Map(
  [...page.matchAll(/^## (?<title>.+)$|^```ts\n(?<code>[\s\S]*?)^```$/gm)].flatMap(
    ({ groups }, at, all) => {
      const code = groups?.['code']
      return code === undefined ? [] : [[all[at - 1]?.groups?.['title'] ?? `${at}`, code] as const]
    },
  ),
)

/** What the snippet under that title prints. */
async function run(title: string, options: StageOptions): Promise<string> {
  const code = snippets.get(title)
  if (code === undefined) throw new Error(`docs/clients.md has no snippet under "${title}"`)
  expect(code).toContain(DOCUMENTED_URL)
  const stage = await openStage({
    ...options,
    config: { models: { 'synth-small': { upstream: 'scripted' } }, ...options.config },
  })
  const folder = await mkdtemp(join(tmpdir(), 'synth-snippet-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }))
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const path = join(folder, 'snippet.mts')
  await writeFile(path, code.replaceAll(DOCUMENTED_URL, stage.baseUrl))
  const { stdout } = await promisify(execFile)(process.execPath, [path], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, CODEX_HOME: folder },
    timeout: SNIPPET_DEADLINE_MS,
  })
  return stdout
}

const LOOKED_UP: Script = [call('look_up', { city: 'Oslo' }), say('It snows.')]

test.each<{ title: string; script: Script; prints: string }>([
  {
    title: "OpenAI's package",
    script: [say('Hello there.', { prompt: 9, completion: 3 })],
    prints: 'Hello there. (12 tokens)\n',
  },
  { title: "OpenAI's Agents SDK", script: LOOKED_UP, prints: 'It snows.\n' },
  { title: 'AI SDK', script: LOOKED_UP, prints: 'It snows.\n' },
  { title: 'Codex SDK', script: [answer({ text: 'Hello.' })], prints: 'Hello.\n' },
])('$title', async ({ title, script, prints }) => {
  expect(await run(title, { script })).toBe(prints)
})

test('a used-up budget is shown as the snippet says', async () => {
  const printed = await run("OpenAI's package", {
    script: [],
    config: { session: { limit_tokens: 1 } },
  })
  expect(printed).toContain('budget of 1 token')
})

test('no snippet is left out', () => {
  expect(snippets.size).toBe(4)
})

test('the versions are those that are tested', () => {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const named = [...page.matchAll(/`([@\w/-]+)` (\d+\.\d+)/g)].map(([, name, version]) => [
    name,
    version,
  ])
  expect(named.map(([name]) => name)).toEqual([
    'openai',
    '@openai/agents',
    'ai',
    '@ai-sdk/openai',
    '@openai/codex-sdk',
    '@openai/codex',
  ])
  for (const [name = '', version] of named) {
    expect(devDependencies[name], name).toMatch(new RegExp(`^${version}\\.`))
  }
})
