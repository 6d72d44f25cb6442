import { describe, expect, test } from 'vitest'
import { applyDiscovery, BUILTIN_MODEL, builtinUpstream } from '../../src/config/apply-discovery.ts'
import {
  type Discovery,
  discoverUpstreams,
  type ProbeFetch,
  readListing,
} from '../../src/config/discover.ts'
import { upstreamSettings } from '../../src/config/settings.ts'
import { loadText } from './load-text.ts'

const OWN_PORT = 4141
const never = () => new AbortController().signal

/** Servers by address of their list; every other address refuses the connection. */
function network(servers: Readonly<Record<string, unknown>>): ProbeFetch {
  return async (url) => {
    if (!Object.hasOwn(servers, url)) throw new TypeError('fetch failed')
    return { ok: true, json: async () => servers[url] }
  }
}

const listing = (owner: string | undefined, ...ids: string[]) => ({
  object: 'list',
  data: ids.map((id) => ({
    id,
    object: 'model',
    ...(owner === undefined ? {} : { owned_by: owner }),
  })),
})

const discover = async (
  env: Readonly<Record<string, string>>,
  fetch: ProbeFetch = network({}),
): Promise<Discovery> => discoverUpstreams({ env, fetch, deadline: never, ownPort: OWN_PORT })

/** `name address ($KEY)` of each, for short tables. */
async function summarize(...args: Parameters<typeof discover>): Promise<string[]> {
  const discovery = await discover(...args)
  if (discovery.kind === 'builtin') return ['builtin']
  return [...discovery.upstreams].map(([name, { upstream }]) => {
    const key = upstream.api_key_env === undefined ? '' : ` $${upstream.api_key_env}`
    return `${name} ${upstream.base_url}${key}`
  })
}

describe('the environment', () => {
  test.each<[name: string, env: Record<string, string>, expected: string[]]>([
    ['without keys offers the built-in model', {}, ['builtin']],
    ['with an empty key is without it', { OPENAI_API_KEY: '' }, ['builtin']],
    [
      'offers each provider whose key it has, in a fixed order',
      { GROQ_API_KEY: 'k', OPENAI_API_KEY: 'k', DEEPSEEK_API_KEY: 'k', OPENROUTER_API_KEY: 'k' },
      [
        'openai https://api.openai.com/v1 $OPENAI_API_KEY',
        'openrouter https://openrouter.ai/api/v1 $OPENROUTER_API_KEY',
        'groq https://api.groq.com/openai/v1 $GROQ_API_KEY',
        'deepseek https://api.deepseek.com/v1 $DEEPSEEK_API_KEY',
      ],
    ],
    [
      'moves a provider to another address',
      { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'http://gpu:9000/openai/v1/' },
      ['openai http://gpu:9000/openai/v1 $OPENAI_API_KEY'],
    ],
    [
      'gives an address without a path the provider’s own path',
      { GROQ_API_KEY: 'k', GROQ_BASE_URL: 'https://proxy.example' },
      ['groq https://proxy.example/openai/v1 $GROQ_API_KEY'],
    ],
    [
      'needs no key for an address of its own',
      { OPENAI_BASE_URL: 'http://gpu:9000/v1' },
      ['openai http://gpu:9000/v1'],
    ],
    [
      'ignores an address that is none',
      { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'gpu:9000' },
      ['openai https://api.openai.com/v1 $OPENAI_API_KEY'],
    ],
    [
      'never takes the bridge itself for an upstream',
      { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'http://localhost:4141/v1' },
      ['openai https://api.openai.com/v1 $OPENAI_API_KEY'],
    ],
    ['does not take a Synth key alone for an upstream', { SYNTH_API_KEY: 'k' }, ['builtin']],
    [
      'offers Synth where its address is given too',
      { SYNTH_API_KEY: 'k', SYNTH_BASE_URL: 'https://api.usesynth.ai' },
      ['synth https://api.usesynth.ai/api/inference/v1 $SYNTH_API_KEY'],
    ],
  ])('%s', async (_name, env, expected) => {
    expect(await summarize(env)).toEqual(expected)
  })
})

describe('local servers', () => {
  test.each<[name: string, servers: Record<string, unknown>, expected: string[]]>([
    [
      'Ollama',
      { 'http://127.0.0.1:11434/v1/models': listing('library', 'qwen3:latest') },
      ['ollama http://127.0.0.1:11434/v1'],
    ],
    [
      'LM Studio',
      { 'http://127.0.0.1:1234/v1/models': listing('organization_owner', 'a') },
      ['lmstudio http://127.0.0.1:1234/v1'],
    ],
    [
      'llama.cpp',
      { 'http://127.0.0.1:8080/v1/models': listing('llamacpp', 'a') },
      ['llamacpp http://127.0.0.1:8080/v1'],
    ],
    [
      'vLLM',
      { 'http://127.0.0.1:8000/v1/models': listing('vllm', 'a') },
      ['vllm http://127.0.0.1:8000/v1'],
    ],
    [
      'vLLM on another’s port, by what it says of itself',
      { 'http://127.0.0.1:8080/v1/models': listing('vllm', 'a') },
      ['vllm http://127.0.0.1:8080/v1'],
    ],
    [
      'two of one kind',
      {
        'http://127.0.0.1:8080/v1/models': listing('vllm', 'a'),
        'http://127.0.0.1:8000/v1/models': listing('vllm', 'b'),
      },
      ['vllm http://127.0.0.1:8080/v1', 'vllm-8000 http://127.0.0.1:8000/v1'],
    ],
    [
      'something else on such a port',
      { 'http://127.0.0.1:8000/v1/models': { hello: 1 } },
      ['builtin'],
    ],
    [
      'something without JSON on such a port',
      { 'http://127.0.0.1:8080/v1/models': undefined },
      ['builtin'],
    ],
  ])('%s', async (_name, servers, expected) => {
    expect(await summarize({}, network(servers))).toEqual(expected)
  })

  test.each([
    ['127.0.0.1:7777', 'http://127.0.0.1:7777/v1'],
    ['gpu', 'http://gpu:11434/v1'],
    ['http://gpu:80', 'http://gpu/v1'],
    ['https://gpu.example', 'https://gpu.example/v1'],
    ['0.0.0.0', 'http://127.0.0.1:11434/v1'],
    ['0.0.0.0:7777', 'http://127.0.0.1:7777/v1'],
    ['not a host', 'http://127.0.0.1:11434/v1'],
  ])('Ollama is asked where $OLLAMA_HOST says: %s', async (host, base) => {
    const servers = network({ [`${base}/models`]: listing('library', 'a') })
    expect(await summarize({ OLLAMA_HOST: host }, servers)).toEqual([`ollama ${base}`])
  })

  test('a server answers for the models that it lists', async () => {
    const servers = { 'http://127.0.0.1:11434/v1/models': listing('library', 'a', 'b') }
    const discovery = await discover({}, network(servers))
    expect(discovery.kind === 'found' && discovery.upstreams.get('ollama')).toMatchObject({
      models: ['a', 'b'],
      because: 'Ollama on port 11434',
    })
  })

  test('a server that only refuses is none', async () => {
    const refusing: ProbeFetch = async () => ({ ok: false, json: async () => listing('vllm', 'a') })
    expect(await summarize({}, refusing)).toEqual(['builtin'])
  })

  test('all are asked at once, and one that never answers holds nobody up', async () => {
    const asked: string[] = []
    const deadline = new AbortController()
    const hanging: ProbeFetch = async (url) => {
      asked.push(url)
      return new Promise(() => {})
    }
    const discovery = discoverUpstreams({
      env: {},
      fetch: hanging,
      deadline: () => deadline.signal,
      ownPort: OWN_PORT,
    })
    expect(asked).toHaveLength(4)
    deadline.abort()
    expect(await discovery).toEqual({ kind: 'builtin' })
  })

  test('the bridge’s own port is not asked', async () => {
    const asked: string[] = []
    const fetch: ProbeFetch = async (url) => {
      asked.push(url)
      throw new TypeError('fetch failed')
    }
    await discoverUpstreams({ env: {}, fetch, deadline: never, ownPort: 8000 })
    expect(asked).not.toContain('http://127.0.0.1:8000/v1/models')
    expect(asked).toHaveLength(3)
  })
})

describe('what was found has the switches of its provider', () => {
  test.each<[env: Record<string, string>, name: string, dialect: object]>([
    [
      { OPENAI_API_KEY: 'k' },
      'openai',
      { maxTokensField: 'max_completion_tokens', reasoningField: 'none' },
    ],
    [{ GROQ_API_KEY: 'k' }, 'groq', { maxTokensField: 'max_tokens', reasoningField: 'none' }],
    [
      { DEEPSEEK_API_KEY: 'k' },
      'deepseek',
      { jsonSchema: false, reasoningField: 'reasoning_content' },
    ],
    [{ OPENROUTER_API_KEY: 'k' }, 'openrouter', { reasoningField: 'reasoning' }],
    [
      { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'http://gpu:9000/v1' },
      'openai',
      { maxTokensField: 'max_tokens', reasoningField: 'reasoning_content' },
    ],
  ])('%j', async (env, name, dialect) => {
    const discovery = await discover(env)
    const found = discovery.kind === 'found' ? discovery.upstreams.get(name) : undefined
    if (found === undefined) throw new Error(`${name} was not found`)
    expect(upstreamSettings(name, found.upstream).dialect).toMatchObject(dialect)
  })
})

describe('a configuration takes on what was found', () => {
  const found = new Map([...builtinUpstream('http://127.0.0.1:5/v1')])

  test('with where it comes from', () => {
    const loaded = applyDiscovery(loadText(''), found, {})
    expect(loaded.config.upstreams[BUILTIN_MODEL]?.base_url).toBe('http://127.0.0.1:5/v1')
    expect(loaded.sources.get('upstreams.synth-demo.base_url')).toBe(
      'found: the built-in scripted model, as nothing else was',
    )
  })

  test('and is refused when a model names an upstream that was not', () => {
    const loaded = loadText('[models.m]\nupstream = "vllm"')
    expect(() => applyDiscovery(loaded, found, {})).toThrow(
      'models.m.upstream names no upstream: "vllm"; did you mean synth-demo?',
    )
  })
})

test.each<[name: string, body: unknown, expected: unknown]>([
  [
    'entries without an id are passed over',
    { data: [{ id: 'a' }, {}, null, 'b', { id: 5 }] },
    ['a'],
  ],
  ['an empty list is a list', { data: [] }, []],
  ['a bare list is none', [{ id: 'a' }], undefined],
  ['null is none', null, undefined],
  ['a text is none', 'models', undefined],
])('a listing: %s', (_name, body, expected) => {
  expect(readListing(body)?.models).toEqual(expected)
})
