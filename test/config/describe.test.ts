import { expect, test } from 'vitest'
import { describeConfig } from '../../src/config/describe.ts'
import { loadText } from './load-text.ts'

const TEXT = `[server]
port = 5
store = "postgres://me:secret@h/db"
[upstreams.openai]
base_url = "https://api.openai.com/v1"
unsupported = ["user"]
[models."gpt-5.1"]
price = { input = 1.25, output = "10" }
[[keys]]
name = "ci"
key_env = "CI_KEY"
`

const rows = describeConfig(loadText(TEXT))
const row = (key: string) => rows.find((found) => found.key === key)

test.each<[key: string, value: unknown, source: string]>([
  ['server.port', 5, 'synth.toml:2'],
  ['server.host', '127.0.0.1', 'default'],
  ['session.limit_cost_usd', '20', 'default'],
  ['session.allow_no_session', false, 'default'],
  ['interceptor.allow_unregistered', true, 'default'],
  ['upstreams.openai.max_tokens_field', 'max_completion_tokens', 'default'],
  ['upstreams.openai.unsupported', ['user'], 'synth.toml:6'],
  ['models."gpt-5.1".model', 'gpt-5.1', 'default'],
  ['models."gpt-5.1".stop_tool', false, 'default'],
  ['models."gpt-5.1".price.input', '1.25', 'synth.toml:8'],
  ['keys[0].key_env', 'CI_KEY', 'synth.toml:11'],
])('%s is %j, from %s', (key, value, source) => {
  expect(row(key)).toEqual({ key, value, source })
})

test('a password is masked', () => {
  expect(row('server.store')?.value).toBe('postgres://me:***@h/db')
  expect(JSON.stringify(rows)).not.toContain('secret')
})

test('nothing is told twice, and nothing without a value', () => {
  expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length)
  expect(rows.filter(({ value }) => value === undefined)).toEqual([])
})
