/**
 * One gate: whatever can cost money upstream passes the budget. Every route there is is called on a
 * bridge whose session is used up; none may reach the upstream with a POST.
 */
import { afterEach, expect, test } from 'vitest'
import { ROUTES, type Route } from '../../src/server/routes.ts'
import { INTERCEPTOR_PREFIX } from '../../src/trial/address.ts'
import { startTestBridge } from '../support/bridge.ts'
import { startHttpUpstream, streaming, textFrames } from '../support/http-upstream.ts'
import { connectSocket } from '../support/socket-client.ts'
import { ADDRESS_FORMS } from '../trial/forms.ts'

const CALL = `data: ${JSON.stringify({
  choices: [
    {
      index: 0,
      delta: {
        tool_calls: [{ index: 0, id: 'call_1', function: { name: 'look', arguments: '{}' } }],
      },
    },
  ],
})}\n\n`

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

/** Trials are called in more forms than a pattern can say. */
function urlsOf({ name, path }: Route, storedId: string): string[] {
  if (name === 'trial-call') {
    return ADDRESS_FORMS.map(({ url }) => INTERCEPTOR_PREFIX + url('a-trial', 'a-correlation'))
  }
  const id = name === 'submit-tool-outputs' ? storedId : 'm'
  return [path.replace(/:\w+(\{.+\})?/g, id)]
}

test('no route spends past a limit', async () => {
  const upstream = await startHttpUpstream(streaming([CALL, ...textFrames('')]))
  running.push(upstream)
  const bridge = await startTestBridge({
    config: {
      upstreams: { local: { base_url: upstream.baseUrl } },
      models: { m: { upstream: 'local', price: { input: '1', output: '1' } } },
      // Less than the cheapest call can hold.
      session: { limit_cost_usd: '0.000000001' },
    },
  })
  running.push(bridge)
  // A socket is open before any turn, so no status of its own says whether turns pass the gate.
  const socket = await connectSocket(bridge.url)
  const turn = await socket.turn({ model: 'm', input: 'hi' })
  await socket.close()
  expect(turn).toMatchObject([{ type: 'error', status: 429 }])
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(bridge.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  // A call of a stored response can only be answered where there is one: made on a session with room.
  const roomy = { limits: [{ metric_type: 'cost_usd', limit_value: 1 }], make_active: false }
  const session = await (await post('/api/v1/sessions', roomy)).json()
  const made = await post(
    '/v1/responses',
    { model: 'm', input: 'hi' },
    { 'x-synth-session-id': Object(session).session_id },
  )
  const { id: storedId, output } = Object(await made.json())
  const callId = output[0]?.call_id
  expect(callId).toBeDefined()
  const sent = upstream.received.length

  const refused: string[] = []
  const addresses = ROUTES.flatMap((route) =>
    urlsOf(route, storedId).map((url) => ({ ...route, path: url })),
  )
    // First what costs: one of the others opens a session without limits.
    .toSorted((left, right) => Number(right.costs) - Number(left.costs))
  for (const { method, path, costs } of addresses) {
    const answer = await fetch(bridge.url + path, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(method === 'POST' && {
        body: JSON.stringify({
          model: 'm',
          input: 'hi',
          messages: [{ role: 'user', content: 'hi' }],
          tool_outputs: [{ call_id: callId, output: 'done' }],
        }),
      }),
    })
    await answer.arrayBuffer()
    if (answer.status === 429) refused.push(`${method} ${path}`)
    else expect(costs, `${method} ${path} answered ${answer.status}`).toBe(false)
  }
  expect(refused).toEqual(
    addresses.filter(({ costs }) => costs).map(({ method, path }) => `${method} ${path}`),
  )
  expect(upstream.received.slice(sent).filter(({ method }) => method === 'POST')).toEqual([])
})
