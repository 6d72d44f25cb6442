/**
 * One gate: whatever can cost money upstream passes the budget. Every route there is is called on a
 * bridge whose session is used up; none may reach the upstream with a POST.
 */
import { afterEach, expect, test } from 'vitest'
import { ROUTES } from '../../src/server/routes.ts'
import { startTestBridge } from '../support/bridge.ts'
import { startHttpUpstream, streaming, textFrames } from '../support/http-upstream.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

test('no route spends past a limit', async () => {
  const upstream = await startHttpUpstream(streaming(textFrames('hello')))
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
  const refused: string[] = []
  for (const { method, path, costs } of ROUTES) {
    const answer = await fetch(bridge.url + path.replace(/:\w+(\{.+\})?/g, 'm'), {
      method,
      headers: { 'content-type': 'application/json' },
      ...(method === 'POST' && {
        body: JSON.stringify({
          model: 'm',
          input: 'hi',
          messages: [{ role: 'user', content: 'hi' }],
          tool_outputs: [],
        }),
      }),
    })
    await answer.arrayBuffer()
    if (answer.status === 429) refused.push(`${method} ${path}`)
    else expect(costs, `${method} ${path} answered ${answer.status}`).toBe(false)
  }
  expect(refused).toEqual(
    ROUTES.filter(({ costs }) => costs).map(({ method, path }) => `${method} ${path}`),
  )
  expect(upstream.received.filter(({ method }) => method === 'POST')).toEqual([])
})
