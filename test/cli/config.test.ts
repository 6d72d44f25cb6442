import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { configJsonSchema } from '../../src/config/schema.ts'
import { createTestCli } from '../support/cli.ts'

const GOOD = `[upstreams.local]
base_url = "http://127.0.0.1:8000/v1"
api_key_env = "LOCAL_KEY"
[models.small]
upstream = "local"
[session]
limit_cost_usd = 2.5
limit_tokens = 1000
`
const BAD = `[server]
prot = 3
[upstreams.local]
base_url = "127.0.0.1:8000"
[models.small]
upstream = "lokal"
`

describe('synth config check', () => {
  test('says ok with what is in the file, and warns of what will disappoint', async () => {
    const { run } = createTestCli({ 'synth.toml': GOOD })
    const { code, stdout, stderr } = await run(['config', 'check'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe(`ok: synth.toml
  upstreams  local (http://127.0.0.1:8000/v1)
  models     small (local)
  limits     $2.5, 1000 tokens a session
  keys       none: only this machine may call
warning: $LOCAL_KEY is not set, which upstreams.local.api_key_env names: its calls will fail with 401.
`)
  })

  test('says ok without any file', async () => {
    const { code, stdout } = await createTestCli().run(['config', 'check'])
    expect(code).toBe(0)
    expect(stdout).toContain('ok: no configuration file')
    expect(stdout).toContain('$20 a session')
  })

  test('says loudly that nothing limits a session', async () => {
    const text = '[session]\nlimit_cost_usd = 0\n'
    const { stdout } = await createTestCli({ 'synth.toml': text }).run(['config', 'check'])
    expect(stdout).toContain('limits     none: a session may spend without end')
  })

  test('lists every problem with file and line, and exits with 2', async () => {
    const { run } = createTestCli({ 'synth.toml': BAD })
    expect(await run(['config', 'check'])).toEqual({
      code: 2,
      stdout: '',
      stderr: [
        'synth.toml:2: server.prot is not a key; did you mean port?',
        'synth.toml:4: upstreams.local.base_url must be an http:// or https:// URL, as in "http://127.0.0.1:8000/v1"',
        '',
      ].join('\n'),
    })
  })

  test('lists them as JSON, too', async () => {
    const { cwd, run } = createTestCli({ 'synth.toml': BAD })
    const { code, stdout, stderr } = await run(['config', 'check', '--json'])
    const file = join(cwd, 'synth.toml')
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      file,
      problems: [
        { file, line: 2, key: 'server.prot', message: 'is not a key; did you mean port?' },
        { file, line: 4, key: 'upstreams.local.base_url' },
      ],
    })
  })

  test('names what it found as JSON', async () => {
    const { cwd, run } = createTestCli({ 'synth.toml': GOOD })
    const { code, stdout } = await run(['config', 'check', '--json'], { env: { LOCAL_KEY: 'k' } })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      ok: true,
      file: join(cwd, 'synth.toml'),
      upstreams: ['local'],
      models: ['small'],
      warnings: [],
      problems: [],
    })
  })

  test.each<[name: string, args: string[], message: string]>([
    [
      'a file that does not exist',
      ['--config', 'no.toml'],
      'no.toml: cannot be read: there is no such file',
    ],
    ['a folder', ['--config', 'home'], 'home: cannot be read: it is a folder'],
    ['no TOML', ['--config', 'broken.toml'], 'broken.toml:1: is not TOML'],
    [
      'bytes that are no text',
      ['--config', 'bytes.toml'],
      'bytes.toml: is not TOML: it is not UTF-8',
    ],
  ])('%s exits with 2', async (_name, args, message) => {
    const cli = createTestCli({ 'broken.toml': '[server\n' })
    const { writeFileSync } = await import('node:fs')
    writeFileSync(join(cli.cwd, 'bytes.toml'), Buffer.from([0xff, 0xfe, 0x41]))
    const { code, stdout, stderr } = await cli.run(['config', 'check', ...args])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
  })

  test.skipIf(process.getuid?.() === 0)('a file that may not be read exits with 2', async () => {
    const { cwd, run } = createTestCli({ 'synth.toml': GOOD })
    chmodSync(join(cwd, 'synth.toml'), 0)
    expect((await run(['config', 'check'])).stderr).toContain('its permissions forbid it')
  })
})

describe('synth config show', () => {
  test('prints every value with its origin', async () => {
    const { run } = createTestCli({ 'synth.toml': GOOD })
    const { code, stdout, stderr } = await run(['config', 'show'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^key +value +from\n/)
    expect(stdout).toMatch(
      /^upstreams\.local\.base_url +"http:\/\/127\.0\.0\.1:8000\/v1" +synth\.toml:2$/m,
    )
    expect(stdout).toMatch(/^server\.port +4141 +default$/m)
    expect(stderr).toContain('warning: $LOCAL_KEY is not set')
  })

  test('prints the same as JSON', async () => {
    const { cwd, run } = createTestCli({ 'synth.toml': GOOD })
    const { stdout } = await run(['config', 'show', '--json'])
    const shown = JSON.parse(stdout)
    expect(shown.file).toBe(join(cwd, 'synth.toml'))
    expect(shown.values).toContainEqual({
      key: 'session.limit_tokens',
      value: 1000,
      source: `${join(cwd, 'synth.toml')}:8`,
    })
    expect(shown.warnings).toHaveLength(1)
  })

  test('shows what stands in for upstreams that the file does not name', async () => {
    const { run } = createTestCli()
    const { stdout } = await run(['config', 'show'], { env: { GROQ_API_KEY: 'gsk-secret' } })
    expect(stdout).toMatch(/upstreams\.groq\.api_key_env +"GROQ_API_KEY" +found: \$GROQ_API_KEY/)
    expect(stdout).not.toContain('gsk-secret')
  })

  test('says that nothing was found', async () => {
    const { code, stderr } = await createTestCli().run(['config', 'show'])
    expect(code).toBe(0)
    expect(stderr).toContain('the built-in model synth-demo would answer')
  })

  test.each(['table', 'json'])(
    'a password and the values of variables are in no %s',
    async (form) => {
      const text = `[server]\nstore = "postgres://me:pass-word@h/db"\n${GOOD}[[keys]]\nname = "ci"\nkey_env = "CI_KEY"\n`
      const { run } = createTestCli({ 'synth.toml': text })
      const env = { LOCAL_KEY: 'value-of-local', CI_KEY: 'value-of-ci' }
      const result = await run(['config', 'show', ...(form === 'json' ? ['--json'] : [])], { env })
      expect(result.stdout).toContain('me:***@h')
      for (const secret of ['pass-word', ...Object.values(env)]) {
        expect(result.stdout + result.stderr).not.toContain(secret)
      }
    },
  )

  test('a wrong file exits with 2 and shows nothing', async () => {
    const { code, stdout, stderr } = await createTestCli({ 'synth.toml': BAD }).run([
      'config',
      'show',
    ])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('did you mean port?')
  })

  test('defaults are faint where colours are shown', async () => {
    const { run } = createTestCli({ 'synth.toml': GOOD })
    const { stdout } = await run(['config', 'show'], { hasColors: true })
    expect(stdout).toContain('\u001b[2mserver.port\u001b[22m')
    expect(stdout).toContain('\nupstreams.local.base_url ')
  })
})

describe('synth config schema', () => {
  test.each([[[]], [['--json']]])('prints the schema with %j', async (args) => {
    const { code, stdout } = await createTestCli().run(['config', 'schema', ...args])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual(configJsonSchema())
  })
})
