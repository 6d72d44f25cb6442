import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { type BoundKey, StoreUnavailable } from '../../src/gateway/ledger-port.ts'
import type { AccessKey } from '../../src/server/access.ts'
import { createBoundCallers } from '../../src/server/bound-callers.ts'
import { LOCAL_CALLER } from '../../src/server/callers.ts'

const sha256 = (key: string): Buffer => createHash('sha256').update(key).digest()
const bearer = (key: string) => ({
  get: (name: string) => (name === 'authorization' ? `Bearer ${key}` : undefined),
})
const BOUND: BoundKey = { sessionId: 'sess_1', orgId: 'o', userId: 'u', apiKeyId: 'opener' }
const opener: AccessKey = { ...LOCAL_CALLER, keyName: 'ci', keyId: 'opener', sha256: sha256('ci') }

test('a bound key is asked for once, any other each time', async () => {
  const asked: string[] = []
  const store = {
    findBoundKey: async (hash: string) => {
      asked.push(hash)
      return hash === sha256('bound').toString('hex') ? BOUND : null
    },
  }
  const callers = createBoundCallers({ keys: [], store })
  for (const key of ['bound', 'bound', 'free', 'free']) await callers.find(bearer(key))
  expect(asked.map((hash) => hash === sha256('bound').toString('hex'))).toEqual([
    true,
    false,
    false,
  ])
})

test('without a key nothing is asked', async () => {
  const store = { findBoundKey: () => Promise.reject(new Error('asked')) }
  expect(
    await createBoundCallers({ keys: [], store }).find({ get: () => undefined }),
  ).toBeUndefined()
})

test.each([
  ['is still there', [opener], 'ci'],
  ['has gone from [[keys]]', [{ ...opener, keyId: 'another' }], undefined],
])('when the key that opened the session %s', async (_, keys, keyName) => {
  const store = { findBoundKey: async () => BOUND }
  const caller = await createBoundCallers({ keys, store }).find(bearer('bound'))
  expect(caller?.keyName).toBe(keyName)
})

test('a store that cannot answer is no reason to take the key for another', async () => {
  const store = {
    findBoundKey: () => Promise.reject(new StoreUnavailable('unavailable', 'disk full')),
  }
  await expect(createBoundCallers({ keys: [], store }).find(bearer('bound'))).rejects.toMatchObject(
    { code: 'store_unavailable' },
  )
})
