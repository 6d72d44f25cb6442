/**
 * A stage for one test of a client library: a scripted upstream, the bridge before it on a port of its
 * own, and a `fetch` for the client that keeps what is sent and holds every answer of the Responses
 * routes to the rules of the conformance suite, whatever the client makes of it.
 */
import { expect, onTestFinished } from 'vitest'
import { checkResponse } from '../../src/conformance/check-response.ts'
import { checkStream } from '../../src/conformance/check-stream.ts'
import { type Report, RULES } from '../../src/conformance/rules.ts'
import { createFrameReader } from '../../src/conformance/stream-frames.ts'
import { isRecord, tryParse } from '../../src/translate/narrow.ts'
import { type Script, type ScriptedUpstream, startUpstream } from '../e2e/harness/upstream.ts'
import { startTestBridge, type TestBridge } from '../support/bridge.ts'
import { failuresOf, responseFailures } from '../translate/relay/stream-findings.ts'

/** What the bridge calls the model; the upstream calls it `upstream-model`. */
export const MODEL = 'm'
export const CLIENT_KEY = 'client-key'

const LAST_FRAME = 'data: [DONE]\n\n'

export interface SentRequest {
  readonly method: string
  readonly path: string
  /** Empty where there was none. */
  readonly body: Readonly<Record<string, unknown>>
}

export interface StageOptions {
  readonly script: Script
  /** What `[models.m]` says beyond its upstream. */
  readonly model?: Readonly<Record<string, unknown>>
  /**
   * What the bridge's upstream speaks; `chat` by default. One that speaks Responses is another bridge,
   * before the scripted upstream.
   */
  readonly upstreamWire?: 'chat' | 'responses'
  /** Further tables of the configuration. */
  readonly config?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, string>>
}

export interface Stage {
  readonly upstream: ScriptedUpstream
  readonly bridge: TestBridge
  /** What a client takes as its base URL. */
  readonly baseUrl: string
  readonly fetch: typeof fetch
  /** Every HTTP request of the client, repeated ones too. */
  readonly sent: readonly SentRequest[]
}

export async function openStage(options: StageOptions): Promise<Stage> {
  const upstream = await startUpstream(options.script)
  onTestFinished(() => upstream.close())
  const wire = options.upstreamWire ?? 'chat'
  const upstreamUrl = wire === 'chat' ? upstream.url : await startBridgeBehind(upstream.url)
  const bridge = await startTestBridge({
    config: {
      upstreams: { scripted: { base_url: upstreamUrl, wire, max_retries: 0 } },
      models: { [MODEL]: { upstream: 'scripted', model: 'upstream-model', ...options.model } },
      ...options.config,
    },
    ...(options.env !== undefined && { env: options.env }),
    drainMs: 0,
  })
  onTestFinished(() => bridge.close())
  const sent: SentRequest[] = []
  const broken: string[] = []
  onTestFinished(() => expect(broken).toEqual([]))
  return {
    upstream,
    bridge,
    baseUrl: `${bridge.url}/v1`,
    sent,
    async fetch(input, init) {
      const url = new URL(input instanceof Request ? input.url : input)
      const json = typeof init?.body === 'string' ? tryParse(init.body)?.value : undefined
      sent.push({
        method: init?.method ?? 'GET',
        path: url.pathname,
        body: isRecord(json) ? json : {},
      })
      const response = await fetch(input, init)
      const isResponses = url.pathname.endsWith('/responses') && response.ok
      return isResponses ? watched(response, broken) : response
    },
  }
}

/** The base URL of a bridge that passes any model on to that chat upstream. */
async function startBridgeBehind(chatUrl: string): Promise<string> {
  const bridge = await startTestBridge({
    config: {
      upstreams: { scripted: { base_url: chatUrl, max_retries: 0 } },
      models: { '*': { upstream: 'scripted' } },
    },
    drainMs: 0,
  })
  onTestFinished(() => bridge.close())
  return `${bridge.url}/v1`
}

/** The same answer, checked when it is whole. Who leaves earlier has seen no whole answer to check. */
function watched(response: Response, broken: string[]): Response {
  const decoder = new TextDecoder()
  let text = ''
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
  const body = response.body?.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        text += decoder.decode(chunk, { stream: true })
        // Clients hang up at the last frame, and never see the end of the body.
        if (isStream && text.endsWith(LAST_FRAME)) broken.push(...faultsOfStream(text))
        controller.enqueue(chunk)
      },
      flush() {
        if (!isStream) broken.push(...faultsOfBody(text))
        else if (!text.endsWith(LAST_FRAME)) broken.push(...faultsOfStream(text))
      },
    }),
  )
  return new Response(body ?? null, response)
}

function faultsOfStream(wire: string): string[] {
  const faults: string[] = []
  const report = reportInto(faults)
  const reader = createFrameReader(report, () => {})
  reader.push(wire)
  reader.end()
  checkStream(reader.events, report)
  return [...faults, ...failuresOf(wire, profileOf(wire))]
}

function faultsOfBody(text: string): string[] {
  const json = tryParse(text)?.value
  if (!isRecord(json)) return [`the body is no JSON object: ${text}`]
  const faults: string[] = []
  checkResponse(json, reportInto(faults))
  return [...faults, ...responseFailures(json, profileOf(text))]
}

/** Open Responses has no custom tools; answers with them are OpenAI's alone. */
const profileOf = (text: string) => (text.includes('"type":"custom_tool_call"') ? 'openai' : 'both')

const reportInto =
  (faults: string[]): Report =>
  (rule, message) =>
    void faults.push(`${rule} (${RULES[rule].level}): ${message}`)
