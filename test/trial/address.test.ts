import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  INTERCEPTOR_PREFIX,
  inferenceUrl,
  readTrialAddress,
  type TrialAddress,
} from '../../src/trial/address.ts'
import { ADDRESS_FORMS } from './forms.ts'

function read(below: string): TrialAddress | undefined {
  const { pathname, search } = new URL(`http://bridge${INTERCEPTOR_PREFIX}${below}`)
  return readTrialAddress(pathname, search)
}

describe('the address of a call', () => {
  test.each(ADDRESS_FORMS)('$name', ({ url, api, namesCorrelation }) => {
    const trial = 'pl-845a0e4a3628485b-i0001-t0002-s69'
    const correlation = `trace_${trial}`
    expect(read(url(trial, correlation))).toMatchObject({
      trialId: trial,
      correlationId: namesCorrelation ? correlation : undefined,
      api,
    })
  })

  test('every form is read alike for every id', () => {
    const id = fc
      .string({ minLength: 1, maxLength: 40, unit: 'grapheme' })
      .filter((text) => text.isWellFormed() && !/[\p{Cc}\s]/u.test(text))
      // A dot alone is a step in a path, and the route's own words are no ids.
      .filter((text) => !/^\.{1,2}$/.test(text) && !/^(?:trace|cid|eval)_|[/]/.test(text))
      .filter((text) => !/^(?:v1|chat|completions|responses|trials|debug|trace)$/.test(text))
    fc.assert(
      fc.property(fc.constantFrom(...ADDRESS_FORMS), id, id, (form, trial, correlation) => {
        const address = read(form.url(encodeURIComponent(trial), encodeURIComponent(correlation)))
        expect(address?.trialId).toBe(trial)
        expect(address?.api).toBe(form.api)
        expect(address?.correlationId).toBe(form.namesCorrelation ? correlation : undefined)
      }),
    )
  })

  test('whatever the URL, the reading ends in an address, nothing, or one clear error', () => {
    const piece = fc.constantFrom(
      '/',
      '?',
      '&',
      '=',
      'cid',
      'trace',
      'model',
      'chat',
      'completions',
      'responses',
      'v1',
      'T',
      '%2F',
      '%zz',
      'é',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const address = read(`/${pieces.join('')}`)
        if (address === undefined) return
        expect(address.trialId).not.toBe('')
        expect(address.correlationId).not.toBe('')
        expect(['chat', 'responses']).toContain(address.api)
      }),
    )
  })

  test('a correlation id in the place of the trial is both, and beats the query', () => {
    expect(read('/trace_abc/chat/completions?cid=other')).toMatchObject({
      trialId: 'trace_abc',
      correlationId: 'trace_abc',
    })
  })

  test('the URL that is handed out is read back, in whatever way a client joins onto it', () => {
    const trial = { trialId: 'a b?c'.replaceAll(' ', '_'), correlationId: 'trace_a&b' }
    const base = inferenceUrl('http://bridge', trial)
    const joined = [`${base}/chat/completions`, base.replace('?', '/chat/completions?')]
    for (const url of joined) {
      const { pathname, search } = new URL(url)
      expect(readTrialAddress(pathname, search)).toMatchObject(trial)
    }
  })

  test('the other parameters survive in order; the model is one of its own', () => {
    expect(read('/T/chat/completions?b=2&cid=c&a=1&model=x/y&b=3')).toMatchObject({
      model: 'x/y',
      query: [
        ['b', '2'],
        ['a', '1'],
        ['b', '3'],
      ],
    })
  })

  test.each(['api_key', 'key', 'X-API-Key', 'access_token', 'token', 'apikey', 'signature'])(
    'the value of ?%s= is not kept',
    (name) => {
      expect(read(`/T/responses?${name}=hunter2&n=1`)?.query).toEqual([
        [name, '[redacted]'],
        ['n', '1'],
      ])
    },
  )

  test.each([
    ['no call', '/T'],
    ['no trial', '/chat/completions?cid=x'],
    ['three ids', '/T/C/D/chat/completions'],
    ['another API', '/T/v1/messages'],
    ['half a path', '/T/completions'],
    ['a word of the route', '/debug/chat/completions'],
    ['a call of that name in a value that is none', '/T?note=see/chat/completions&cid=x'],
  ])('%s is no address', (_name, below) => {
    expect(read(below)).toBeUndefined()
  })

  test('a path elsewhere is no address', () => {
    expect(readTrialAddress('/v1/T/chat/completions', '')).toBeUndefined()
  })

  test.each([
    ['trial_id', `/${'x'.repeat(257)}/chat/completions`, 'trial_id is 257 characters long'],
    ['trial_id', '/a%20b/chat/completions', 'trial_id is "a b"'],
    ['cid', '/T/chat/completions?cid=a%00', 'cid is "a\\u0000"'],
  ])('an id that cannot be one is named: %s', (param, below, message) => {
    expect(() => read(below)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        param,
        message: expect.stringContaining(message),
      }),
    )
  })
})

test('docs/interceptor.md lists every form, and no other', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/interceptor.md'), 'utf8')
  const listed = [...page.matchAll(/^\| `(\/T\S*)` \|/gm)].map(([, form]) => form)
  expect(listed).toEqual(ADDRESS_FORMS.map(({ url }) => url('T', 'C')))
})
