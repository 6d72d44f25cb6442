import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../src/errors.ts'
import {
  type AccessKey,
  authenticate,
  checkOrigin,
  type RequestHeaders,
} from '../../src/server/access.ts'
import { LOCAL_CALLER } from '../../src/server/callers.ts'

const headersOf = (headers: Record<string, string>): RequestHeaders => ({
  get: (name) => headers[name],
})

function outcome(step: () => unknown): unknown {
  try {
    return step() ?? 'served'
  } catch (cause) {
    if (cause instanceof BridgeError) return `${cause.status} ${cause.code}`
    throw cause
  }
}

describe('hosts and origins, without keys', () => {
  test.each([
    { host: '127.0.0.1:4141', answer: 'served' },
    { host: 'localhost', answer: 'served' },
    { host: '[::1]:4141', answer: 'served' },
    { host: 'LOCALHOST:1', answer: 'served' },
    { host: 'evil.test', answer: '403 forbidden' },
    { host: 'localhost.evil.test', answer: '403 forbidden' },
    { host: '127.0.0.1.evil.test', answer: '403 forbidden' },
    { host: ':4141', answer: '403 forbidden' },
    { host: '', answer: '403 forbidden' },
    { host: '10.0.0.7:4141', answer: '403 forbidden' },
  ])('host "$host" is $answer', ({ host, answer }) => {
    expect(outcome(() => checkOrigin(headersOf({ host }), false))).toBe(answer)
  })

  test.each([
    { origin: 'http://localhost:3000', answer: 'served' },
    { origin: 'http://evil.test', answer: '403 forbidden' },
    { origin: 'null', answer: '403 forbidden' },
    { origin: 'garbage', answer: '403 forbidden' },
    { origin: '', answer: '403 forbidden' },
  ])('origin "$origin" is $answer', ({ origin, answer }) => {
    const headers = headersOf({ host: '127.0.0.1', origin })
    expect(outcome(() => checkOrigin(headers, false))).toBe(answer)
  })

  test('with keys any host is served: a browser attaches none', () => {
    expect(outcome(() => checkOrigin(headersOf({ host: 'bridge.example' }), true))).toBe('served')
  })
})

describe('keys', () => {
  const keyOf = (name: string, clear: string): AccessKey => ({
    ...LOCAL_CALLER,
    keyName: name,
    orgId: `${name}-org`,
    userId: `${name}-user`,
    sha256: createHash('sha256').update(clear).digest(),
  })
  const keys = [keyOf('ci', 'ci-secret'), keyOf('dev', 'dev-secret')]

  test('without any, whoever comes is the local user', () => {
    expect(authenticate(headersOf({ authorization: 'Bearer whatever' }), [], LOCAL_CALLER)).toBe(
      LOCAL_CALLER,
    )
    expect(authenticate(headersOf({}), [], LOCAL_CALLER)).toBe(LOCAL_CALLER)
  })

  test.each([
    { name: 'a bearer', headers: { authorization: 'Bearer ci-secret' }, keyName: 'ci' },
    { name: 'an X-API-Key', headers: { 'x-api-key': 'dev-secret' }, keyName: 'dev' },
    {
      name: 'one of ours beside a foreign one',
      headers: { authorization: 'Bearer sk-foreign', 'x-api-key': 'ci-secret' },
      keyName: 'ci',
    },
  ])('$name is known', ({ headers, keyName }) => {
    const present = Object.fromEntries(Object.entries(headers).filter(([, value]) => value))
    expect(
      authenticate(headersOf(present as Record<string, string>), keys, LOCAL_CALLER).keyName,
    ).toBe(keyName)
  })

  test.each([
    { name: 'none', headers: {} },
    { name: 'an empty one', headers: { authorization: 'Bearer ' } },
    { name: 'SQL', headers: { authorization: "Bearer ' OR '1'='1" } },
    { name: 'a megabyte', headers: { 'x-api-key': 'x'.repeat(1024 * 1024) } },
    { name: 'one that is not ASCII', headers: { 'x-api-key': 'clé' } },
    { name: 'another scheme', headers: { authorization: 'Basic ci-secret' } },
  ])('$name is refused without saying what was sent', ({ headers }) => {
    expect(
      outcome(() => authenticate(headersOf(headers as Record<string, string>), keys, LOCAL_CALLER)),
    ).toBe('401 invalid_api_key')
  })
})
