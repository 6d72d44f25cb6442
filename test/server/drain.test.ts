/** The end of a drain: answers that still run get their terminal event, and their spend is kept. */
import { afterEach, describe, expect, test } from 'vitest'
import { startTestBridge } from '../support/bridge.ts'
import { type Answerer, type HttpUpstream, startHttpUpstream } from '../support/http-upstream.ts'

const upstreams: HttpUpstream[] = []
afterEach(async () => {
  await Promise.all(upstreams.splice(0).map((upstream) => upstream.close()))
})

async function start(answer: Answerer) {
  const upstream = await startHttpUpstream(answer)
  upstreams.push(upstream)
  const bridge = await startTestBridge({
    drainMs: 0,
    config: {
      upstreams: { local: { base_url: upstream.baseUrl } },
      models: { m: { upstream: 'local' } },
    },
  })
  const post = (path: string, body: object) =>
    fetch(bridge.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', ...body }),
    })
  return { bridge, post }
}

/** Begins an answer and leaves it there. */
const unending: Answerer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const chunk = { choices: [{ index: 0, delta: { role: 'assistant', content: 'begun' } }] }
  response.write(`data: ${JSON.stringify(chunk)}\n\n`)
}

describe('when the time to drain is over', () => {
  test('a running stream ends in response.failed that says why', async () => {
    const { bridge, post } = await start(unending)
    const answer = await post('/v1/responses', { input: 'hi', stream: true })
    const [text] = await Promise.all([answer.text(), bridge.close()])
    expect(text).toContain('"delta":"begun"')
    expect(text.match(/^event: response\.(completed|incomplete|failed)$/gm)).toEqual([
      'event: response.failed',
    ])
    expect(text).toContain('The bridge was stopped before this answer had ended.')
  })

  test('a call that waits for its upstream is refused with 503', async () => {
    let asked = () => {}
    const upstreamAsked = new Promise<void>((resolve) => {
      asked = resolve
    })
    const { bridge, post } = await start(() => asked())
    const answer = post('/v1/responses', { input: 'hi' })
    await upstreamAsked
    await bridge.close()
    const { status, headers } = await answer
    expect(status).toBe(503)
    expect(headers.get('content-type')).toBe('application/json')
    expect(await (await answer).json()).toMatchObject({ error: { code: 'shutting_down' } })
  })
})
