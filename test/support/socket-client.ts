/** A WebSocket client that keeps what it hears, and waits for the end of a turn. */
import { WebSocket } from 'ws'

export interface SocketEvent {
  readonly type: string
  readonly [member: string]: unknown
}

export interface SocketClient {
  readonly socket: WebSocket
  /** Everything heard, in order. */
  readonly events: readonly SocketEvent[]
  send(message: object | string): void
  /** The events from here on to a terminal one or an error, that one included. */
  nextTurn(): Promise<readonly SocketEvent[]>
  /** Waits for an event of that type, of this turn or a later one. */
  heard(type: string): Promise<void>
  /** Sends a `response.create` and waits for its turn's end. */
  turn(body: object): Promise<readonly SocketEvent[]>
  /** Settles with the code and reason of the close. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  close(): Promise<void>
}

/** An HTTP answer in place of the connection. */
export interface Refused {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: unknown
}

const ENDS = new Set(['response.completed', 'response.incomplete', 'response.failed'])

export function connectSocket(
  bridgeUrl: string,
  { path = '/v1/responses', headers = {} } = {},
): Promise<SocketClient> {
  return tryConnect(bridgeUrl, { path, headers }).then((outcome) => {
    if ('status' in outcome) throw new Error(`refused with ${outcome.status}`)
    return outcome
  })
}

export function tryConnect(
  bridgeUrl: string,
  { path = '/v1/responses', headers = {} } = {},
): Promise<SocketClient | Refused> {
  const socket = new WebSocket(bridgeUrl.replace(/^http/, 'ws') + path, { headers })
  const events: SocketEvent[] = []
  let read = 0
  let wake = () => {}
  socket.on('message', (data) => {
    events.push(JSON.parse(String(data)))
    wake()
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => {
      resolve({ code, reason: String(reason) })
      wake()
    })
  })

  /** An error stands alone as an envelope, or comes before the failed response it announces. */
  const endOfTurn = (): number => {
    for (let at = read; at < events.length; at++) {
      const event = events[at]
      if (event === undefined) break
      if (ENDS.has(event.type) || (event.type === 'error' && 'status' in event)) return at + 1
    }
    return -1
  }

  const client: SocketClient = {
    socket,
    events,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    async nextTurn() {
      for (let end = endOfTurn(); ; end = endOfTurn()) {
        if (end >= 0) {
          const turn = events.slice(read, end)
          read = end
          return turn
        }
        if (socket.readyState >= WebSocket.CLOSING) throw new Error('closed before the turn ended')
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    async heard(type) {
      while (!events.slice(read).some((event) => event.type === type)) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    turn(body) {
      client.send({ type: 'response.create', ...body })
      return client.nextTurn()
    },
    closed,
    async close() {
      socket.close()
      await closed
    },
  }

  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(client))
    socket.once('unexpected-response', async (_request, response) => {
      let text = ''
      for await (const piece of response) text += piece
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: text === '' ? undefined : JSON.parse(text),
      })
    })
    socket.on('error', reject)
  })
}
