/** A bridge that is wrong in one way: a right one, with its answers spoiled on their way to the client. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Item {
  id: string
  type: string
  status?: string
  name?: string
  call_id?: string
  arguments?: string
  content?: { text: string }[]
  summary?: { text: string }[]
}

export interface ResponseBody {
  id: string
  status: string
  created_at: number
  error: { code: string; message: string } | null
  incomplete_details: { reason: string } | null
  output: Item[]
  usage: { input_tokens: number; output_tokens: number; total_tokens: number } | null
  temperature?: number
}

export interface Event {
  type: string
  sequence_number: number
  response?: ResponseBody
  item?: Item
  item_id?: string
  output_index?: number
  content_index?: number
  delta?: string
  arguments?: string
  part?: { text?: string }
}

/** What is done to the right bridge's answers. Each may change what it is given, in place. */
export interface Spoiler {
  /** A stream's events; their numbers are set right afterwards. */
  readonly events?: (events: Event[]) => Event[] | undefined
  /** A stream's text, after that. */
  readonly wire?: (text: string) => string
  /** A body with status 200. */
  readonly body?: (body: ResponseBody) => ResponseBody | undefined
  /** A refusal. */
  readonly refusal?: (refusal: Refusal) => Refusal
  /** Answers without asking anybody. */
  readonly alone?: (response: ServerResponse) => void
  readonly contentType?: string
}

interface Refusal {
  readonly status: number
  readonly text: string
}

interface WrongBridge {
  readonly baseUrl: string
  close(): Promise<void>
}

/** @param rightUrl ends in `/v1` */
export async function startWrongBridge(rightUrl: string, spoiler: Spoiler): Promise<WrongBridge> {
  async function relay(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let sent = ''
    for await (const piece of request) sent += piece
    if (spoiler.alone !== undefined) return spoiler.alone(response)
    const answer = await fetch(`${rightUrl}/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: sent,
    })
    const contentType = spoiler.contentType ?? answer.headers.get('content-type') ?? ''
    const { status, text } = spoil(await answer.text(), answer, spoiler)
    response.writeHead(status, { 'content-type': contentType }).end(text)
  }

  const server = createServer((request, response) => {
    relay(request, response).catch((cause) => response.destroy(cause))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function spoil(text: string, { status, headers }: Response, spoiler: Spoiler): Refusal {
  if (status >= 400) return spoiler.refusal?.({ status, text }) ?? { status, text }
  if (headers.get('content-type')?.startsWith('text/event-stream') === true) {
    const events = parseEvents(text)
    const wire = encodeEvents(spoiler.events?.(events) ?? events)
    return { status, text: spoiler.wire?.(wire) ?? wire }
  }
  const body: ResponseBody = JSON.parse(text)
  return { status, text: JSON.stringify(spoiler.body?.(body) ?? body) }
}

function parseEvents(text: string): Event[] {
  return [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json = '']): Event => JSON.parse(json))
}

function encodeEvents(events: readonly Event[]): string {
  const frames = events.map((event, index) => {
    const json = JSON.stringify({ ...event, sequence_number: index })
    return `event: ${event.type}\ndata: ${json}\n\n`
  })
  return `${frames.join('')}data: [DONE]\n\n`
}
