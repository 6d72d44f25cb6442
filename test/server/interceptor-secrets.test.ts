/**
 * The canaries: provider keys, and keys of all kinds that task apps present. Calls succeed and fail in
 * every way there is; then everything that anybody can read is searched.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { startTestBridge } from '../support/bridge.ts'
import { answering, saying, startHttpUpstream } from '../support/http-upstream.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

const PROVIDER_KEY = 'canary-of-the-provider'
const OWNER_KEY = 'canary-of-the-owner'
const APP_KEYS = {
  header: 'canary-of-the-environment',
  bearer: 'canary-as-a-bearer',
  body: 'canary-in-the-body',
  query: 'canary-in-the-query',
  cookie: 'canary-in-a-cookie',
  policy: 'canary-in-the-policy',
}
const CANARIES = [PROVIDER_KEY, OWNER_KEY, ...Object.values(APP_KEYS)]

const APP_HEADERS = {
  'x-api-key': APP_KEYS.header,
  'x-api-keys': APP_KEYS.header,
  authorization: `Bearer ${APP_KEYS.bearer}`,
  cookie: `key=${APP_KEYS.cookie}`,
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
}

test('no key is in any answer, header, log or stored row', async () => {
  let spoils: 'nothing' | 'status' | 'frame' = 'nothing'
  const says = saying('hello')
  const upstream = await startHttpUpstream((request, response) => {
    const echo = `you sent ${request.headers.authorization} and ${JSON.stringify(request.body)}`
    const error = JSON.stringify({ error: { message: echo } })
    if (spoils === 'status') answering(401, error, { 'www-authenticate': echo })(request, response)
    else if (spoils === 'frame') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'x-echo': PROVIDER_KEY })
      response.end(`data: ${error}\n\n`)
    } else says(request, response)
  })
  running.push(upstream)
  const stateDir = await mkdtemp(join(tmpdir(), 'synth-canary-'))
  const bridge = await startTestBridge({
    config: {
      upstreams: {
        local: { base_url: upstream.baseUrl, api_key_env: 'PROVIDER', max_retries: 0 },
        wide: {
          base_url: upstream.baseUrl,
          api_key_env: 'PROVIDER',
          wire: 'responses',
          max_retries: 0,
        },
      },
      models: { m: { upstream: 'local' }, w: { upstream: 'wide' } },
      keys: [{ name: 'owner', key_env: 'OWNER' }],
    },
    env: { PROVIDER: PROVIDER_KEY, OWNER: OWNER_KEY },
    storage: { stateDir, store: { kind: 'sqlite', path: join(stateDir, 'synth.db') } },
  })
  running.push(bridge)
  const seen: string[] = []
  const ask = async (method: string, path: string, headers: object, body?: unknown) => {
    const answer = await fetch(bridge.url + path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    seen.push(JSON.stringify([...answer.headers]), text)
    return { status: answer.status, text }
  }
  const asOwner = { authorization: `Bearer ${OWNER_KEY}` }
  const register = async (more: object) => {
    const policy = { model: 'm', api_key: APP_KEYS.policy }
    const registered = await ask('POST', '/api/interceptor/v1/trials', asOwner, { policy, ...more })
    return (JSON.parse(registered.text) as { trial_id: string }).trial_id
  }
  const minted = await register({})
  const chosen = await register({ trial_id: 'chosen' })
  const strict = await register({
    candidate: { strict: true, replacements: [{ apply_to_role: 'system', new_text: 'x' }] },
  })

  const statuses = new Set<number>()
  for (const spoiled of ['nothing', 'status', 'frame'] as const) {
    spoils = spoiled
    for (const trial of [minted, chosen, strict, 'trace_unknown', `trial_${'x'.repeat(28)}`]) {
      for (const [tail, asked] of [
        ['chat/completions', { messages: [{ role: 'user', content: 'hi' }] }],
        ['responses', { input: 'hi' }],
        ['messages', {}],
      ] as const) {
        for (const model of ['m', 'w', 'unknown', 7]) {
          const stream = model === 'm'
          const path = `/api/interceptor/v1/${trial}/${tail}?api_key=${APP_KEYS.query}&cid=c`
          const keys = { api_key: APP_KEYS.body, api_base: `http://${APP_KEYS.body}.example` }
          const body = { ...asked, model, stream, ...keys }
          statuses.add((await ask('POST', path, APP_HEADERS, body)).status)
        }
      }
    }
  }
  // Else the loops above looked at less than they seem to.
  expect([...statuses].sort()).toEqual([200, 400, 401, 404, 422, 502])
  for (const path of ['/api/v1/sessions', '/api/v1/status', '/health']) {
    await ask('GET', path, asOwner)
  }

  const logged = inspect(bridge.events, { depth: 12, maxStringLength: null, maxArrayLength: null })
  await bridge.close()
  running.pop()
  const files = await filesBelow(stateDir)
  expect(files.map((file) => file.replace(stateDir, ''))).toContain('/synth.db')
  const stored = (await Promise.all(files.map((file) => readFile(file, 'latin1')))).join('\n')
  expect(stored).toContain(minted)
  for (const canary of CANARIES) {
    expect(seen.filter((text) => text.includes(canary))).toEqual([])
    expect(logged.includes(canary), `${canary} is logged`).toBe(false)
    expect(stored.includes(canary), `${canary} is stored`).toBe(false)
  }
  // A URL is a key too.
  expect(logged).not.toContain(minted)
  // Upstream, only the provider's own.
  const sent = JSON.stringify(upstream.received)
  expect(sent).toContain(`Bearer ${PROVIDER_KEY}`)
  for (const canary of CANARIES.filter((each) => each !== PROVIDER_KEY)) {
    expect(sent).not.toContain(canary)
  }
  await rm(stateDir, { recursive: true })
})
