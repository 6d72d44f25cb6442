import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { offeredModels, resolveModel } from '../../src/config/models.ts'
import { type Config, ConfigSchema } from '../../src/config/schema.ts'

const at = (host: string) => ({ base_url: `http://${host}/v1` })
const config = (file: object): Config => ConfigSchema.parse(file)

const ONE = config({ upstreams: { a: at('a') } })
const TWO = config({ upstreams: { a: at('a'), b: at('b') } })
const CONFIGURED = config({
  upstreams: { a: at('a'), b: at('b') },
  models: {
    'synth-small': { upstream: 'a', model: 'Org/Small', price: 'free', max_repeated_calls: 3 },
    'a/odd': { upstream: 'b' },
    plain: { upstream: 'b' },
  },
})
const OPEN = config({
  upstreams: { a: at('a'), b: at('b') },
  models: {
    known: { upstream: 'a', max_output_tokens: 5 },
    '*': { upstream: 'b', think_tags: true },
  },
})
const OPEN_ANYWHERE = config({
  upstreams: { a: at('a'), b: at('b') },
  models: { '*': { usage: 'estimate' } },
})
const LISTINGS = new Map([
  ['a', ['m1', 'both', 'qwen3:latest']],
  ['b', ['m2', 'both', 'org/deep']],
])

describe('a name is served by', () => {
  test.each<
    [
      name: string,
      file: Config,
      model: string,
      upstream: string,
      upstreamModel: string,
      settings: object,
    ]
  >([
    [
      'its own entry, under the upstream’s name for it',
      CONFIGURED,
      'synth-small',
      'a',
      'Org/Small',
      { price: 'free', maxRepeatedCalls: 3, stopTool: true },
    ],
    ['its own entry, under its own name', CONFIGURED, 'plain', 'b', 'plain', { stopTool: false }],
    [
      'its own entry, even where its name looks like an upstream’s',
      CONFIGURED,
      'a/odd',
      'b',
      'a/odd',
      {},
    ],
    [
      'the upstream before the slash',
      TWO,
      'b/anything',
      'b',
      'anything',
      { maxOutputTokens: undefined },
    ],
    ['the upstream before the first slash', TWO, 'a/org/model', 'a', 'org/model', {}],
    [
      'that upstream, with the entry of the same model there',
      CONFIGURED,
      'a/Org/Small',
      'a',
      'Org/Small',
      { price: 'free' },
    ],
    [
      'that upstream, with the open entry that is of it',
      OPEN,
      'b/x',
      'b',
      'x',
      { thinkTags: true },
    ],
    [
      'that upstream, without an open entry that is of another',
      OPEN,
      'a/x',
      'a',
      'x',
      { thinkTags: false },
    ],
    ['the open entry', OPEN, 'other', 'b', 'other', { thinkTags: true }],
    ['the open entry, slash or not', OPEN, 'org/other', 'b', 'org/other', {}],
    [
      'its own entry before the open one',
      OPEN,
      'known',
      'a',
      'known',
      { maxOutputTokens: 5, thinkTags: false },
    ],
    [
      'the open entry, where only one upstream lists it',
      OPEN_ANYWHERE,
      'm2',
      'b',
      'm2',
      { usage: 'estimate' },
    ],
    ['the only upstream there is, listed or not', ONE, 'm9', 'a', 'm9', {}],
    ['the only one that lists it', TWO, 'm1', 'a', 'm1', {}],
    ['the only one that lists it, slash or not', TWO, 'org/deep', 'b', 'org/deep', {}],
    ['the one that lists it as the latest', TWO, 'qwen3', 'a', 'qwen3', {}],
  ])('%s', (_name, file, model, upstream, upstreamModel, settings) => {
    const resolution = resolveModel(file, model, LISTINGS)
    expect(resolution).toMatchObject({
      ok: true,
      upstream: { name: upstream },
      upstreamModel,
      model: { name: model, ...settings },
    })
  })
})

describe('a name is refused', () => {
  test.each<[name: string, file: Config, model: string, status: number, message: string]>([
    [
      'when two upstreams list it',
      TWO,
      'both',
      400,
      'Model "both" is served by a and b: ask for "a/both" or "b/both".',
    ],
    [
      'when nobody lists it, with the nearest',
      TWO,
      'm3',
      404,
      'Model "m3" is not known. Did you mean "m1" or "m2"?',
    ],
    [
      'when the file does not have it',
      CONFIGURED,
      'm1',
      404,
      'Model "m1" is not known. There is, for example, "synth-small" or "a/odd" or "plain"?',
    ],
    [
      'when it is nearly in the file',
      CONFIGURED,
      'synth-smal',
      404,
      'Model "synth-smal" is not known. Did you mean "synth-small"?',
    ],
    ['when it is only the sign for any', OPEN_ANYWHERE, '*', 404, ''],
    ['when it names only an upstream', TWO, 'a/', 404, ''],
    ['when it is empty', TWO, '', 404, ''],
    ['when it is a name that every object has', CONFIGURED, 'constructor', 404, ''],
    ['when it is such a name with a slash', CONFIGURED, 'toString/x', 404, ''],
  ])('%s', (_name, file, model, status, message) => {
    const resolution = resolveModel(file, model, LISTINGS)
    if (resolution.ok) throw new Error(`${model} was taken`)
    expect(resolution.error).toMatchObject({ code: 'model_not_found', status, param: 'model' })
    expect(resolution.error.message).toContain(message)
  })

  test('and told which upstreams could not be asked', () => {
    const resolution = resolveModel(TWO, 'm2', new Map([['a', ['m1']]]))
    expect(resolution.ok ? '' : resolution.error.message).toBe(
      'Model "m2" is not known. Did you mean "m1"? (b could not be asked.)',
    )
  })

  test('in a message of bounded length, however long it is', () => {
    const resolution = resolveModel(TWO, 'x'.repeat(1_000_000), LISTINGS)
    expect(resolution.ok ? '' : resolution.error.message.length).toBeLessThan(300)
  })
})

test('any name is either served or refused as the client’s fault, and never throws', () => {
  const part = fc.constantFrom('a', 'b', '/', '*', 'm1', 'known', '__proto__', 'é', ' ')
  const name = fc.oneof(
    fc.string(),
    fc.array(part, { maxLength: 4 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(name, fc.constantFrom(ONE, TWO, CONFIGURED, OPEN, OPEN_ANYWHERE), (model, file) => {
      const resolution = resolveModel(file, model, LISTINGS)
      if (resolution.ok) expect(Object.keys(file.upstreams)).toContain(resolution.upstream.name)
      else expect([400, 404]).toContain(resolution.error.status)
    }),
  )
})

describe('the models on offer', () => {
  test.each<[name: string, file: Config, ids: string[]]>([
    [
      'are the file’s alone, where it has some and no open entry',
      CONFIGURED,
      ['synth-small', 'a/odd', 'plain'],
    ],
    ['are those that upstreams list, where the file has none', ONE, ['m1', 'both', 'qwen3:latest']],
    [
      'name the upstream where two list the same',
      TWO,
      ['m1', 'a/both', 'qwen3:latest', 'm2', 'b/both', 'org/deep'],
    ],
    [
      'are the file’s and those of the open entry’s upstream',
      OPEN,
      ['known', 'm2', 'both', 'org/deep'],
    ],
  ])('%s', (_name, file, ids) => {
    expect(offeredModels(file, LISTINGS).map(({ id }) => id)).toEqual(ids)
  })

  test('can all be asked for', () => {
    for (const file of [ONE, TWO, CONFIGURED, OPEN, OPEN_ANYWHERE]) {
      for (const { id, upstream } of offeredModels(file, LISTINGS)) {
        const resolution = resolveModel(file, id, LISTINGS)
        expect(resolution, id).toMatchObject({ ok: true, upstream: { name: upstream } })
      }
    }
  })
})
