/** Spans of a whole bridge's calls, as an OTLP collector takes them. */
import { afterEach, expect, test } from 'vitest'
import { startTestBridge } from '../support/bridge.ts'
import { answering, startHttpUpstream, streaming, textFrames } from '../support/http-upstream.ts'
import { startOtlpCollector, valuesOf } from '../support/otlp-collector.ts'

const running: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.close()))
})

async function start(env: Record<string, string>, otel: Record<string, string> = {}) {
  const answers = [
    streaming(textFrames('hello there')),
    answering(400, '{"error":{"message":"no"}}'),
  ]
  const upstream = await startHttpUpstream((...asked) => answers.shift()?.(...asked))
  const bridge = await startTestBridge({
    config: {
      upstreams: { local: { base_url: upstream.baseUrl, api_key_env: 'UPSTREAM_KEY' } },
      models: { m: { upstream: 'local', model: 'upstream-m', price: { input: '1', output: '1' } } },
      otel,
    },
    env: { UPSTREAM_KEY: 'sk-upstream-secret', ...env },
  })
  running.push(bridge, upstream)
  const call = async (headers: Record<string, string> = {}) => {
    const answer = await fetch(`${bridge.url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: 'm', input: 'a text of mine', stream: true }),
    })
    await answer.text()
    return answer.headers.get('x-request-id')
  }
  return { bridge, call }
}

test('one span a call, each as the protocol and the conventions have it, without texts', async () => {
  const collector = await startOtlpCollector()
  running.push(collector)
  const { bridge, call } = await start(
    { COLLECTOR_HEADERS: 'authorization=Bearer%20sk-collector-secret' },
    { endpoint: `${collector.url}/`, headers_env: 'COLLECTOR_HEADERS', service_name: 'mine' },
  )
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const ids = [await call({ traceparent }), await call()]
  await bridge.close()

  expect(collector.faults).toEqual([])
  expect(collector.requests).toHaveLength(1)
  expect(collector.requests[0]?.headers.authorization).toBe('Bearer sk-collector-secret')
  expect(collector.resources).toMatchObject([
    { 'service.name': 'mine', 'service.version': expect.any(String) },
  ])
  const [first, second] = collector.spans
  expect(first).toMatchObject({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    parentSpanId: 'b7ad6b7169203331',
    name: 'chat upstream-m',
    status: {},
  })
  expect(valuesOf(first?.attributes ?? [])).toMatchObject({
    'synth.request_id': ids[0],
    'gen_ai.request.model': 'upstream-m',
    'gen_ai.usage.input_tokens': 7n,
    'gen_ai.usage.output_tokens': 3n,
    'synth.cost_usd': 0.00001,
  })
  expect(second).toMatchObject({ status: { code: 2 }, events: [{ name: 'synth.attempt.failed' }] })
  expect(second?.parentSpanId).toBeUndefined()
  expect(valuesOf(second?.attributes ?? [])).toMatchObject({
    'synth.request_id': ids[1],
    'error.type': 'upstream_rejected',
    'synth.outcome': 'failed',
  })
  const sent = JSON.stringify(collector.spans)
  for (const text of ['a text of mine', 'hello there', 'sk-']) expect(sent).not.toContain(text)
})

test('the environment that OpenTelemetry defines is enough', async () => {
  const collector = await startOtlpCollector()
  running.push(collector)
  const { bridge, call } = await start({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  })
  await call()
  await bridge.close()
  expect(collector.faults).toEqual([])
  expect(collector.spans).toHaveLength(1)
  expect(collector.resources).toMatchObject([
    { 'service.name': 'synth-bridge', 'deployment.environment.name': 'test' },
  ])
})

test('a collector that is not there costs a call nothing, and is said when the bridge stops', async () => {
  const collector = await startOtlpCollector()
  await collector.close()
  const { bridge, call } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
  expect(await call()).toMatch(/^req_/)
  await bridge.close()
  const messages = bridge.events.map(({ message }) => message)
  expect(messages).toEqual([
    expect.stringMatching(/^spans cannot be sent to the collector: .*ECONNREFUSED/),
  ])
})
