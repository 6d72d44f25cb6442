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
