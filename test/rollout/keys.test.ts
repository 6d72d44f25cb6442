import { expect, test } from 'vitest'
import { readTaskAppKeys } from '../../src/rollout/keys.ts'

const rows = [
  { name: 'none', env: {}, keys: [] },
  { name: 'the key', env: { ENVIRONMENT_API_KEY: 'k1' }, keys: ['k1'] },
  {
    name: 'the key before its fallbacks',
    env: { DEV_ENVIRONMENT_API_KEY: 'k2', ENVIRONMENT_API_KEY: 'k1' },
    keys: ['k1'],
  },
  {
    name: 'a fallback',
    env: { ENVIRONMENT_API_KEY: '', DEV_ENVIRONMENT_API_KEY: 'k2' },
    keys: ['k2'],
  },
  { name: 'the oldest fallback', env: { dev_environment_api_key: 'k3' }, keys: ['k3'] },
  {
    name: 'aliases',
    env: { ENVIRONMENT_API_KEY: 'k1', ENVIRONMENT_API_KEY_ALIASES: 'k2, k3,' },
    keys: ['k1', 'k2', 'k3'],
  },
  { name: 'a line end, as of a file', env: { ENVIRONMENT_API_KEY: 'k1\n' }, keys: ['k1'] },
]

test.each(rows)('$name', ({ env, keys }) => {
  expect(readTaskAppKeys(env)).toMatchObject({ ok: true, keys })
})

test('what no header can hold is refused without being shown', () => {
  const read = readTaskAppKeys({ ENVIRONMENT_API_KEY: 'se cret' })
  expect(read).toMatchObject({ ok: false })
  expect(JSON.stringify(read)).not.toContain('se cret')
})
