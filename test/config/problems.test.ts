import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadText } from './load-text.ts'

const UPSTREAM = '[upstreams.local]\nbase_url = "http://127.0.0.1:8000/v1"\n'

describe('a configuration with a mistake is refused with its line, its key and what would be right', () => {
  test.each<[name: string, text: string, message: string]>([
    [
      'a misspelt key',
      '[server]\nprot = 1',
      'synth.toml:2: server.prot is not a key; did you mean port?',
    ],
    [
      'a key of another section',
      '[server]\nlimit_tokens = 5',
      'synth.toml:2: server.limit_tokens is not a key here; it belongs in [session]',
    ],
    [
      'a key of a list of tables',
      '[server]\nmax_cost_usd = 5',
      'synth.toml:2: server.max_cost_usd is not a key here; it belongs in [[keys]]',
    ],
    [
      'a key of a section, at the top',
      'limit_cost_usd = 5',
      'synth.toml:1: limit_cost_usd is not a key here; it belongs in [session]',
    ],
    [
      'a misspelt section',
      '\n[sesion]\nlimit_tokens = 5',
      'synth.toml:2: sesion is not a key; did you mean session?',
    ],
    [
      'a key like none',
      '[trace]\nqqqqqqqqqq = 1',
      'synth.toml:2: trace.qqqqqqqqqq is not a key; the keys here are content, required, max_age_days, max_bytes',
    ],
    [
      'a key itself in place of its variable, which is not shown',
      `${UPSTREAM}api_key = "sk-secret"`,
      'synth.toml:3: upstreams.local.api_key is not a key; did you mean api_key_env?',
    ],
    [
      'a key itself as the name of a variable, which is not shown',
      `${UPSTREAM}api_key_env = "sk-secret"`,
      'synth.toml:3: upstreams.local.api_key_env must be the name of an environment variable, as in "LOCAL_API_KEY", never a key itself',
    ],
    [
      'a key itself that could be a name, which is not shown',
      `${UPSTREAM}api_key_env = "gsk_secret"`,
      'synth.toml:3: upstreams.local.api_key_env must be the name of an environment variable, as in "LOCAL_API_KEY", never a key itself',
    ],
    [
      'a misspelt word',
      `${UPSTREAM}wire = "respones"`,
      'synth.toml:3: upstreams.local.wire must be "chat" or "responses", not "respones"; did you mean "responses"?',
    ],
    [
      'a number in quotes',
      '[server]\nport = "4141"',
      'synth.toml:2: server.port must be a number, not a string',
    ],
    [
      'a fraction for a whole number',
      '[server]\nport = 41.5',
      'synth.toml:2: server.port must be a whole number, not 41.5',
    ],
    [
      'a number too large',
      '[server]\nport = 70000',
      'synth.toml:2: server.port must be at most 65535, not 70000',
    ],
    [
      'a number too small',
      `${UPSTREAM}idle_timeout_ms = 0`,
      'synth.toml:3: upstreams.local.idle_timeout_ms must be at least 1, not 0',
    ],
    [
      'a word for a truth value',
      '[trace]\ncontent = "yes"',
      'synth.toml:2: trace.content must be true or false, not a string',
    ],
    ['an empty text', '[server]\nhost = ""', 'synth.toml:2: server.host must not be empty'],
    ['a value for a table', 'server = 5', 'synth.toml:1: server must be a table, not 5'],
    [
      'a date',
      '[server]\nport = 1979-05-27',
      'synth.toml:2: server.port must be a number, not a date',
    ],
    [
      'a table for a list of tables',
      '[keys]\nname = "a"',
      'synth.toml:1: keys must be a list, not a table',
    ],
    [
      'a missing key',
      '[upstreams.local]\nwire = "chat"',
      'synth.toml:1: upstreams.local.base_url is missing: a string',
    ],
    [
      'an unknown store',
      '[server]\nstore = "redis"',
      'synth.toml:2: server.store must be "sqlite", "sqlite:/path/to.db", "memory" or "postgres://…"',
    ],
    [
      'an address without its scheme',
      '[upstreams.local]\nbase_url = "localhost:8000/v1"',
      'synth.toml:2: upstreams.local.base_url must be an http:// or https:// URL, as in "http://127.0.0.1:8000/v1"',
    ],
    [
      'an address with credentials, which are not shown',
      '[upstreams.local]\nbase_url = "http://user:secret@h/v1"',
      'synth.toml:2: upstreams.local.base_url must not hold credentials; name the variable that holds the key with api_key_env',
    ],
    [
      'an address that goes on too long',
      '[upstreams.local]\nbase_url = "http://h/v1/chat/completions"',
      'synth.toml:2: upstreams.local.base_url must end before /chat/completions, which is added to it',
    ],
    [
      'an upstream whose name has a slash',
      '[upstreams."a/b"]\nbase_url = "http://h/v1"',
      'synth.toml:1: upstreams."a/b" must be letters, digits, dots, dashes or underscores, without a slash',
    ],
    [
      'a price of a word',
      '[models.m]\nprice = "fre"',
      'synth.toml:2: models.m.price must be "free" or a table, not "fre"',
    ],
    [
      'a price without output',
      '[models.m]\nprice = { input = 1 }',
      'synth.toml:2: models.m.price.output is missing: USD per million tokens of at least 0, as in 5 or "0.15"',
    ],
    [
      'a misspelt price',
      '[models.m]\nprice = { input = 1, ouput = 2, output = 3 }',
      'synth.toml:2: models.m.price.ouput is not a key; did you mean output?',
    ],
    [
      'a negative price',
      '[models.m.price]\ninput = -1\noutput = 1',
      'synth.toml:2: models.m.price.input must be USD per million tokens of at least 0, as in 5 or "0.15"',
    ],
    [
      'a way to count that belongs to the other wire',
      '[upstreams.u]\nbase_url = "http://127.0.0.1:1/v1"\ncount_tokens = "responses"',
      'synth.toml:3: upstreams.u.count_tokens "responses" is for an upstream with wire = "responses"; a chat server counts as "vllm" or "llama.cpp" does',
    ],
    [
      'tiers that fall',
      '[models.m.price]\ninput = 1\noutput = 1\ntiers = [\n{ above = 9, input = 1, output = 1 },\n{ above = 8, input = 1, output = 1 } ]',
      'synth.toml:6: models.m.price.tiers[1].above must be above the tier before it, 9',
    ],
    [
      'a guard that would stop every call',
      '[models.m]\nmax_repeated_calls = 1',
      'synth.toml:2: models.m.max_repeated_calls must be 0 (off) or at least 2',
    ],
    [
      'an amount that is none',
      '[session]\nlimit_cost_usd = "5 dollars"',
      'synth.toml:2: session.limit_cost_usd must be an amount in USD of at least 0, as in 5 or "0.15"',
    ],
    [
      'an endless amount',
      '[session]\nlimit_cost_usd = inf',
      'synth.toml:2: session.limit_cost_usd must be an amount in USD of at least 0, as in 5 or "0.15"',
    ],
    [
      'less than a nano-dollar',
      '[session]\nlimit_cost_usd = 0.0000000001',
      'synth.toml:2: session.limit_cost_usd must have at most 9 digits after the point',
    ],
    [
      'more than a ledger can hold',
      '[session]\nlimit_cost_usd = 1e12',
      'synth.toml:2: session.limit_cost_usd must be below 1000000000',
    ],
    [
      'an address beyond this machine without keys',
      '[server]\nhost = "0.0.0.0"',
      'synth.toml:2: server.host reaches beyond this machine, so [[keys]] must say who may call; without them keep 127.0.0.1',
    ],
    [
      'a model of an unknown upstream',
      `${UPSTREAM}[models.m]\nupstream = "locla"`,
      'synth.toml:4: models.m.upstream names no upstream: "locla"; did you mean local?',
    ],
    [
      'a model that could be anywhere',
      `${UPSTREAM}[upstreams.b]\nbase_url = "http://h/v1"\n[models.m]\ngpus = 2`,
      'synth.toml:5: models.m needs upstream: which of local, b serves it',
    ],
    [
      'a caller without a key',
      '[[keys]]\nname = "a"\nkey_env = "A"\n[[keys]]\nname = "ci"',
      "synth.toml:4: keys[1] needs key_env (a variable's name) or sha256",
    ],
    [
      'a caller with two keys',
      `[[keys]]\nname = "a"\nkey_env = "A"\nsha256 = "${'a'.repeat(64)}"`,
      "synth.toml:1: keys[0] has both; it needs only key_env (a variable's name) or sha256",
    ],
    [
      'a window without a ceiling',
      '[[keys]]\nname = "a"\nkey_env = "A"\nwindow = "30d"',
      'synth.toml:4: keys[0].window bounds nothing without max_cost_usd',
    ],
    [
      'a window in unknown units',
      '[[keys]]\nname = "a"\nkey_env = "A"\nmax_cost_usd = 1\nwindow = "30 days"',
      'synth.toml:5: keys[0].window must be a number and m, h, d or w, as in "30d"',
    ],
    [
      'two callers of one name',
      '[[keys]]\nname = "a"\nkey_env = "A"\n[[keys]]\nname = "a"\nkey_env = "B"',
      'synth.toml:5: keys[1].name is the same name as in keys[0]',
    ],
    [
      'two callers of one key, spelt differently',
      `[[keys]]\nname = "a"\nsha256 = "${'a'.repeat(64)}"\n[[keys]]\nname = "b"\nsha256 = "${'A'.repeat(64)}"`,
      'synth.toml:6: keys[1].sha256 is the same key as in keys[0]',
    ],
    [
      'an id that is no UUID',
      '[[keys]]\nname = "a"\nkey_env = "A"\norg_id = "acme"',
      'synth.toml:4: keys[0].org_id must be a UUID',
    ],
  ])('%s', (_name, text, message) => {
    expect(messageOf(text)).toBe(message)
  })

  test('every mistake of a file is reported at once, from top to bottom', () => {
    const text = '[server]\nprot = 1\nhost = ""\n[session]\nlimit_tokens = -1\n[trace]\nkeep = true'
    expect(messageOf(text).split('\n')).toEqual([
      'synth.toml:2: server.prot is not a key; did you mean port?',
      'synth.toml:3: server.host must not be empty',
      'synth.toml:5: session.limit_tokens must be at least 0, not -1',
      'synth.toml:7: trace.keep is not a key; the keys here are content, required, max_age_days, max_bytes',
    ])
  })

  test('the exit code is that of a wrong configuration', () => {
    expect(new ConfigError([]).exitCode).toBe(2)
  })
})

function messageOf(text: string): string {
  try {
    loadText(text)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}
