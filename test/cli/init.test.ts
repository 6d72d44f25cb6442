import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { renderFirstConfig } from '../../src/cli/init/file.ts'
import { ConfigSchema } from '../../src/config/schema.ts'
import { readToml } from '../../src/config/toml.ts'
import { createTestCli, type TestCli } from '../support/cli.ts'
import { scriptedPrompter } from '../support/prompter.ts'

const OLLAMA = 'http://127.0.0.1:11434/v1'

/** A machine on which these addresses list these models. */
function serving(listings: Readonly<Record<string, unknown[]>>): typeof fetch {
  return async (input) => {
    const data = listings[String(input).replace(/\/models$/, '')]
    if (data === undefined) throw new TypeError('fetch failed')
    return Response.json({ object: 'list', data })
  }
}

const ollama = serving({
  [OLLAMA]: [
    { id: 'nomic-embed-text', owned_by: 'library' },
    { id: 'qwen3-coder:30b', owned_by: 'library' },
    { id: 'gpt-oss:20b', owned_by: 'library', max_model_len: 131072 },
  ],
})

const written = ({ cwd }: TestCli, name = 'synth.toml') => readFileSync(join(cwd, name), 'utf8')

function parsed(cli: TestCli, name?: string) {
  return ConfigSchema.parse(readToml(written(cli, name), 'synth.toml').values)
}

describe('from flags alone', () => {
  test('an address and a model are enough', async () => {
    const cli = createTestCli()
    const result = await cli.run([
      'init',
      ...['--upstream-url', 'http://127.0.0.1:8000/v1', '--model', 'Qwen/Qwen3-Coder'],
      ...['--name', 'synth-small', '--limit-cost-usd', '0.50'],
    ])
    expect(result).toEqual({
      code: 0,
      stderr: '',
      stdout:
        'Wrote synth.toml: model synth-small at vllm (http://127.0.0.1:8000/v1).\nNext: synth doctor, then synth codex\n',
    })
    expect(written(cli)).toMatchInlineSnapshot(`
      "# Written by \`synth init\`. \`synth doctor\` tries it, \`synth config check\` checks it,
      # \`synth config schema\` and docs/config.md have every key.

      # Where the model is served: /chat/completions is added to the address.
      [upstreams.vllm]
      base_url = "http://127.0.0.1:8000/v1"

      # What clients ask for, as in \`synth codex --model NAME\`.
      [models.synth-small]
      upstream = "vllm"
      model = "Qwen/Qwen3-Coder" # the upstream's own name
      #context_window = 131072 # tokens; Codex compacts by it

      # Any other name goes through to the upstream unchanged.
      [models."*"]
      upstream = "vllm"

      # The limits of a session that names none of its own; 0 is none.
      [session]
      limit_cost_usd = 0.5
      "
    `)
    expect((await cli.run(['config', 'check'])).code).toBe(0)
  })

  test('a provider by its address gets its name, its key variable and room for a price', async () => {
    const cli = createTestCli()
    const { code, stdout } = await cli.run([
      'init',
      ...['--upstream-url', 'https://openrouter.ai/api/v1/', '--model', 'qwen/qwen3-coder'],
    ])
    expect(code).toBe(0)
    expect(stdout).toContain('Set OPENROUTER_API_KEY: it is not in the environment yet.')
    expect(parsed(cli).upstreams).toMatchObject({
      openrouter: { base_url: 'https://openrouter.ai/api/v1', api_key_env: 'OPENROUTER_API_KEY' },
    })
    expect(written(cli)).toContain('#price = {')
  })

  test.each<[address: string, name: string]>([
    ['http://127.0.0.1:9999/v1', 'local'],
    ['http://localhost:11434/v1', 'ollama'],
    ['https://api.openai.com/v1', 'openai'],
    ['https://llm.example.org/v1', 'example'],
    ['http://10.0.0.7:8000/v1', 'remote'],
    ['http://gpu-box:8000/v1', 'gpu-box'],
  ])('the upstream at %s is called %s', async (address, name) => {
    const cli = createTestCli()
    await cli.run(['init', '--upstream-url', address, '--model', 'm'])
    expect(Object.keys(parsed(cli).upstreams)).toEqual([name])
  })

  test('a name of its own, a key variable and a window are written as given', async () => {
    const cli = createTestCli()
    await cli.run([
      'init',
      ...['--upstream-url', 'https://llm.example.org/v1', '--upstream', 'mine'],
      ...['--api-key-env', 'MY_KEY', '--model', 'm', '--context-window', '4096'],
    ])
    expect(parsed(cli)).toMatchObject({
      upstreams: { mine: { api_key_env: 'MY_KEY' } },
      models: { m: { upstream: 'mine', context_window: 4096 }, '*': { upstream: 'mine' } },
    })
  })

  test('--json says what was written', async () => {
    const cli = createTestCli()
    const { code, stdout } = await cli.run(
      ['init', '--json', '--upstream-url', 'https://api.groq.com/openai/v1', '--model', 'a/b'],
      { env: { GROQ_API_KEY: 'gsk-secret' } },
    )
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      file: join(cli.cwd, 'synth.toml'),
      upstream: {
        name: 'groq',
        base_url: 'https://api.groq.com/openai/v1',
        api_key_env: 'GROQ_API_KEY',
        api_key_is_set: true,
      },
      model: { name: 'a/b', model: 'a/b', context_window: null },
      limit_cost_usd: '20',
      next: ['synth doctor', 'synth codex'],
    })
    expect(stdout + written(cli)).not.toContain('gsk-secret')
  })

  test.each<[flags: string[], message: string]>([
    [['--upstream-url', 'ftp://h'], '--upstream-url must be an http:// or https:// URL'],
    [['--upstream-url', 'http://u:secret-1@h/v1'], '--upstream-url must not hold credentials'],
    [['--upstream-url', 'http://h/v1/chat/completions'], '--upstream-url must end before'],
    [['--upstream-url', 'http://h/v1', '--upstream', 'a/b'], '--upstream must be letters'],
    [['--api-key-env', 'sk-secret-1'], '--api-key-env must be the name of an environment variable'],
    [['--limit-cost-usd', 'ten'], '--limit-cost-usd must be an amount in USD'],
    [['--limit-cost-usd', '-1'], '--limit-cost-usd must be an amount in USD'],
    [['--model', '*'], '--model must be a name'],
    [['--model', 'a\nb'], '--model must be a name'],
    [['--model', 'm', '--name', ' '], '--name must be a name'],
    [['--name', 'n'], '--name renames a model: say which with --model'],
    [['--model', 'm', '--context-window', '1e3'], '--context-window must be a whole number'],
    [['--context-window', '4096'], '--context-window is of a model: say which with --model'],
    [
      ['--model', 'm', '--upstream-url', 'http://h', '--name', '__proto__'],
      '--name must be a name',
    ],
    [['--limit-cost', '1'], "unknown option '--limit-cost'"],
    [['extra'], 'too many arguments'],
  ])('%j exits with 2, repeats no secret and writes nothing', async (flags, message) => {
    const cli = createTestCli()
    const { code, stdout, stderr } = await cli.run(['init', ...flags])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr).not.toContain('secret-1')
    expect(existsSync(join(cli.cwd, 'synth.toml'))).toBe(false)
  })
})

describe('with --yes', () => {
  test('takes the first that is found, and the first chat model of a server of this machine', async () => {
    const cli = createTestCli()
    const { code, stdout } = await cli.run(['init', '--yes'], { fetch: ollama })
    expect(code).toBe(0)
    expect(stdout).toContain('model qwen3-coder:30b at ollama')
    expect(parsed(cli)).toMatchObject({
      upstreams: { ollama: { base_url: OLLAMA, reasoning_field: 'reasoning' } },
      models: { 'qwen3-coder:30b': { upstream: 'ollama' } },
      session: { limit_cost_usd: '20' },
    })
  })

  test('takes the one that --upstream names, and the window that it reports', async () => {
    const cli = createTestCli()
    const changes = { fetch: ollama, env: { GROQ_API_KEY: 'k' } }
    await cli.run(['init', '--yes', '--upstream', 'ollama', '--model', 'gpt-oss:20b'], changes)
    expect(Object.keys(parsed(cli).upstreams)).toEqual(['ollama'])
    expect(parsed(cli).models['gpt-oss:20b']?.context_window).toBe(131_072)
  })

  test('names no model of a provider that lists many', async () => {
    const groq = serving({ 'https://api.groq.com/openai/v1': [{ id: 'a' }, { id: 'b' }] })
    const cli = createTestCli()
    const changes = { fetch: groq, env: { GROQ_API_KEY: 'k' } }
    const { stdout } = await cli.run(['init', '--yes'], changes)
    expect(stdout).toContain('any model at groq')
    expect(parsed(cli).models).toMatchObject({ '*': { upstream: 'groq' } })
    expect(Object.keys(parsed(cli).models)).toEqual(['*'])
  })

  test('asks a provider with its key, and nobody else', async () => {
    const asked: [string, string | null][] = []
    const listening: typeof fetch = async (input, request) => {
      const authorization = new Headers(request?.headers).get('authorization')
      asked.push([String(input), authorization])
      if (!String(input).startsWith('https://api.groq.com')) throw new TypeError('fetch failed')
      return Response.json({ data: [{ id: 'only' }] })
    }
    const cli = createTestCli()
    await cli.run(['init', '--yes'], { fetch: listening, env: { GROQ_API_KEY: 'gsk-secret' } })
    const keyed = asked.filter(([, authorization]) => authorization !== null)
    expect(keyed).toEqual([['https://api.groq.com/openai/v1/models', 'Bearer gsk-secret']])
    expect(Object.keys(parsed(cli).models)).toEqual(['only', '*'])
  })

  test.each<[flags: string[], code: number, message: string]>([
    [['--yes'], 1, 'give the address with --upstream-url'],
    [['--upstream', 'ollama'], 1, 'give the address with --upstream-url'],
    [[], 2, 'There is no terminal to ask at'],
    [['--json'], 2, 'There is no terminal to ask at'],
  ])('%j where nothing is found exits with %i', async (flags, code, message) => {
    const result = await createTestCli().run(['init', ...flags])
    expect(result.code).toBe(code)
    expect(result.stderr).toContain(message)
  })

  test('a name that was not found suggests the nearest', async () => {
    const { code, stderr } = await createTestCli().run(['init', '--upstream', 'olama'], {
      fetch: ollama,
    })
    expect(code).toBe(2)
    expect(stderr).toContain('--upstream "olama" is not among what was found. Did you mean ollama?')
  })
})

describe('at a terminal', () => {
  test('asks where, which model, its name and the limit', async () => {
    const cli = createTestCli()
    const prompter = scriptedPrompter(['ollama', 'gpt-oss:20b', 'small', '5'])
    const { code, stdout } = await cli.run(['init'], {
      fetch: ollama,
      openPrompter: async () => prompter,
    })
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(prompter.asked).toEqual([
      'Where is your model served? ollama | other',
      'Which model? qwen3-coder:30b | gpt-oss:20b | other',
      'What do you want to call it?',
      'How much may one session cost, in USD? (0: no limit)',
    ])
    expect(prompter.said.at(-2)).toContain('Wrote synth.toml: model small at ollama')
    expect(prompter.said.at(-1)).toBe('Next: synth doctor, then synth codex')
    expect(parsed(cli)).toMatchObject({
      models: { small: { model: 'gpt-oss:20b', context_window: 131_072 } },
      session: { limit_cost_usd: '5' },
    })
  })

  test('another address and another model are typed in, and empty answers take the fallback', async () => {
    const cli = createTestCli()
    const answers = [' other', 'https://api.mistral.ai/v1', '', 'devstral', '', '']
    const prompter = scriptedPrompter(answers)
    await cli.run(['init'], { fetch: ollama, openPrompter: async () => prompter })
    expect(parsed(cli)).toMatchObject({
      upstreams: { mistral: { api_key_env: 'MISTRAL_API_KEY' } },
      models: { devstral: { upstream: 'mistral' } },
      session: { limit_cost_usd: '20' },
    })
  })

  test('with nothing found it says so and asks for an address', async () => {
    const cli = createTestCli()
    const prompter = scriptedPrompter(['http://10.0.0.7/v1', '', '', ''])
    await cli.run(['init'], { openPrompter: async () => prompter })
    expect(prompter.said[1]).toContain('No model server runs')
    expect(parsed(cli).models).toMatchObject({ '*': { upstream: 'remote' } })
  })

  test('refuses wrong answers as they are typed', async () => {
    const prompter = scriptedPrompter(['http://10.0.0.7/v1', '', '', ''])
    await createTestCli().run(['init'], { openPrompter: async () => prompter })
    const [address, variable, model, limit] = prompter.faultFinders
    expect(address?.('10.0.0.7')).toContain('It must be an http:// or https:// URL')
    expect(variable?.('sk-1')).toContain('never a key itself')
    expect(model?.('*')).toContain('It must be a name')
    expect(limit?.('lots')).toContain('It must be an amount in USD')
  })

  test('asks nothing that the flags say', async () => {
    const prompter = scriptedPrompter([''])
    const flags = ['--upstream-url', 'http://127.0.0.1:8000/v1', '--model', 'm']
    await createTestCli().run(['init', ...flags], { openPrompter: async () => prompter })
    expect(prompter.asked).toEqual(['How much may one session cost, in USD? (0: no limit)'])
  })

  test.each([0, 1, 2, 3])(
    'Ctrl-C at question %i writes nothing and exits with 1',
    async (number) => {
      const cli = createTestCli()
      const prompter = scriptedPrompter(['ollama', 'gpt-oss:20b', 'small', '5'].slice(0, number))
      const result = await cli.run(['init'], { fetch: ollama, openPrompter: async () => prompter })
      expect(result).toEqual({ code: 1, stdout: '', stderr: 'synth: Nothing was written.\n' })
      expect(existsSync(join(cli.cwd, 'synth.toml'))).toBe(false)
    },
  )
})

describe('the file', () => {
  const FLAGS = ['init', '--upstream-url', 'http://127.0.0.1:8000/v1', '--model', 'm']

  test('is not overwritten, and that is said before any question', async () => {
    const cli = createTestCli({ 'synth.toml': 'mine' })
    const prompter = scriptedPrompter([])
    const { code, stderr } = await cli.run(['init'], { openPrompter: async () => prompter })
    expect(code).toBe(2)
    expect(stderr).toBe(
      'synth: synth.toml exists already. Overwrite it with --force, or name another with --out.\n',
    )
    expect(prompter.asked).toEqual([])
    expect(written(cli)).toBe('mine')
  })

  test('is not overwritten either where it appears while questions are asked', async () => {
    const cli = createTestCli()
    const prompter = scriptedPrompter([''])
    const { code, stderr } = await cli.run(FLAGS, {
      openPrompter: async () => {
        writeFileSync(join(cli.cwd, 'synth.toml'), 'mine')
        return prompter
      },
    })
    expect(code).toBe(2)
    expect(stderr).toContain('synth.toml exists already')
    expect(written(cli)).toBe('mine')
  })

  test('is overwritten with --force', async () => {
    const cli = createTestCli({ 'synth.toml': 'mine' })
    expect((await cli.run([...FLAGS, '--force'])).code).toBe(0)
    expect(parsed(cli).upstreams).toHaveProperty('vllm')
  })

  test('goes where --out says, and what comes next names it', async () => {
    const cli = createTestCli()
    const { stdout } = await cli.run([...FLAGS, '--out', 'other.toml'])
    expect(parsed(cli, 'other.toml').upstreams).toHaveProperty('vllm')
    expect(stdout).toContain(
      'Next: synth doctor --config other.toml, then synth codex --config other.toml',
    )
  })

  test('is named, too, where another file in the folder comes first', async () => {
    const { stdout } = await createTestCli({ 'codex.toml': '' }).run(FLAGS)
    expect(stdout).toContain('synth doctor --config synth.toml')
  })

  test.each<[out: string, message: string]>([
    ['no/such/folder.toml', 'its folder does not exist'],
    ['file/x.toml', 'its folder is a file'],
  ])('%s cannot be written, which exits with 1', async (out, message) => {
    const cli = createTestCli()
    writeFileSync(join(cli.cwd, 'file'), '')
    const { code, stderr } = await cli.run([...FLAGS, '--out', out])
    expect(code).toBe(1)
    expect(stderr).toContain(`${out} cannot be written: ${message}`)
  })

  test('a folder of that name is not overwritten even with --force', async () => {
    const cli = createTestCli()
    mkdirSync(join(cli.cwd, 'synth.toml'))
    const { code, stderr } = await cli.run([...FLAGS, '--force'])
    expect(code).toBe(1)
    expect(stderr).toContain('it is a folder')
  })

  test('holds any name that passes the check, and says what it was told', () => {
    const modelName = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((name) => !/\p{Cc}/u.test(name))
      .filter((name) => !/^\s*(\*|__proto__|constructor|prototype)?\s*$/.test(name))
    fc.assert(
      fc.property(
        modelName,
        modelName,
        fc.boolean(),
        fc.nat(999_999_999),
        (name, id, isLoopback, cents) => {
          const text = renderFirstConfig(
            {
              upstream: {
                name: 'u.p-1',
                baseUrl: 'http://h/v1',
                apiKeyEnv: 'KEY',
                switches: { unsupported: ['user'] },
                isLoopback,
              },
              model: { name, upstreamModel: id, contextWindow: 1 + cents },
              limitCostUsd: `${cents}.25`,
            },
            'synth.toml',
          )
          const config = ConfigSchema.parse(readToml(text, 'synth.toml').values)
          expect(config.models[name]).toMatchObject({
            upstream: 'u.p-1',
            context_window: 1 + cents,
          })
          expect(config.session.limit_cost_usd).toBe(`${cents}.25`)
          expect(config.models[name]?.model ?? name).toBe(id)
          expect(config.upstreams['u.p-1']).toMatchObject({ unsupported: ['user'] })
        },
      ),
    )
  })
})
