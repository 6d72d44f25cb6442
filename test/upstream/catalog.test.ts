import { describe, expect, test } from 'vitest'
import { ConfigSchema } from '../../src/config/schema.ts'
import { createCatalog } from '../../src/upstream/catalog.ts'
import { FakeClock } from '../gateway/fakes.ts'

/** Two open upstreams, so that a bare name is found by what they list; `answers` are given in order. */
function catalogOf(answers: (() => Promise<Response>)[]) {
  const clock = new FakeClock()
  const asked: string[] = []
  const catalog = createCatalog({
    config: ConfigSchema.parse({
      upstreams: {
        a: { base_url: 'http://127.0.0.1:1/v1' },
        b: { base_url: 'http://127.0.0.1:2/v1' },
      },
    }),
    env: {},
    clock,
    fetch: (url) => {
      asked.push(String(url))
      if (String(url).includes(':2')) return Promise.resolve(listing())
      const answer = answers.shift() ?? (() => Promise.reject(new Error('not asked for')))
      return answer()
    },
  })
  return { catalog, clock, asked }
}

const listing = (...ids: string[]) =>
  Response.json({ object: 'list', data: ids.map((id) => ({ id })) })
const refused = () => Promise.reject(new TypeError('fetch failed'))

describe('the listing of an upstream', () => {
  test('is asked for once a minute', async () => {
    const { catalog, clock, asked } = catalogOf([
      async () => listing('m'),
      async () => listing('n'),
    ])
    expect((await catalog.resolve('m')).upstream.name).toBe('a')
    expect((await catalog.resolve('m')).upstream.name).toBe('a')
    expect(asked).toHaveLength(2)
    await clock.advance(60_000)
    expect((await catalog.resolve('n')).upstream.name).toBe('a')
  })

  test.each([
    { how: 'could not be reached', answer: refused },
    { how: 'answered an error', answer: async () => new Response('', { status: 503 }) },
  ])('is asked for again, though not at once, when it $how', async ({ answer }) => {
    const { catalog, clock, asked } = catalogOf([answer, async () => listing('m')])
    await expect(catalog.resolve('m')).rejects.toMatchObject({ code: 'model_not_found' })
    await expect(catalog.resolve('m')).rejects.toMatchObject({ code: 'model_not_found' })
    expect(asked).toHaveLength(2)
    await clock.advance(5_000)
    expect((await catalog.resolve('m')).upstream.name).toBe('a')
  })
})

test('the list says the context window that the file has, else the one the upstream lists', async () => {
  const catalog = createCatalog({
    config: ConfigSchema.parse({
      upstreams: { a: { base_url: 'http://127.0.0.1:1/v1' } },
      models: {
        mine: { upstream: 'a', model: 'theirs', context_window: 1000 },
        same: { upstream: 'a', model: 'theirs' },
        '*': { upstream: 'a' },
      },
    }),
    env: {},
    clock: new FakeClock(),
    fetch: async () =>
      Response.json({
        data: [
          { id: 'theirs', max_model_len: 8192 },
          { id: 'routed', context_length: 4096 },
          { id: 'silent', context_length: null },
          { id: 'odd', context_length: '32k', max_context_length: -1 },
        ],
      }),
  })
  const windows = (await catalog.list()).map(({ id, contextWindow }) => [id, contextWindow])
  expect(Object.fromEntries(windows)).toEqual({
    mine: 1000,
    same: 8192,
    theirs: 8192,
    routed: 4096,
    silent: undefined,
    odd: undefined,
  })
})
