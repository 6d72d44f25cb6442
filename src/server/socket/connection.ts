/**
 * One WebSocket connection: its turns, one after another, and its limits.
 *
 * ```
 *   idle ──message──▶ running ──turn over, none waiting──▶ idle ──drain | idle for too long──▶ closing
 *                        │  └──turn over, one waiting──▶ running
 *                        └──drain──▶ last ──turn over──▶ closing       any ──client gone──▶ closing
 * ```
 */
import type { Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import { z } from 'zod'
import { BridgeError, toBridgeError } from '../../errors.ts'
import type { CallPlan } from '../../gateway/call-plan.ts'
import { toErrorAnswer } from '../../gateway/error-answer.ts'
import type { CallIdentity } from '../../gateway/identity.ts'
import type { SocketTurn } from '../../gateway/plan-socket-turn.ts'
import type { ClientStream, Clock } from '../../gateway/ports.ts'
import {
  type ConnectionMemory,
  createConnectionMemory,
} from '../../gateway/state/connection-memory.ts'
import {
  encodeRefusal,
  readTurnRequest,
  type TurnRequest,
} from '../../protocol/responses/socket.ts'
import { parseJson } from '../request-body.ts'
import { createSocketStream, type SocketStream } from './socket-stream.ts'

export interface ConnectionDeps {
  readonly clock: Clock
  readonly newRequestId: () => string
  readonly plan: (
    turn: TurnRequest,
    identity: CallIdentity,
    memory: ConnectionMemory,
  ) => Promise<SocketTurn>
  /** Never rejects. */
  readonly run: (plan: CallPlan, client: ClientStream) => Promise<void>
  readonly onError: (error: BridgeError, requestId: string) => void
  readonly limits: ConnectionLimits
}

export interface ConnectionLimits {
  /** Of one message; of all that wait together; and of what is remembered. */
  readonly maxMessageBytes: number
  readonly maxTurnsWaiting: number
  readonly idleMs: number
  /** Between two pings; a client that answered none in that time is gone. */
  readonly pingMs: number
}

/** @see https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1 */
const GOING_AWAY = 1001
const SHUTTING_DOWN = 'the bridge is shutting down'

/** Refusals come short, and answers stop long before. */
const MAX_UNREAD_BYTES = 1_048_576

/** The end of a response that is stored nowhere; an upstream's own may be of another shape. */
const UnstoredSchema = z.object({
  response: z.object({
    id: z.string(),
    store: z.literal(false),
    output: z.array(z.record(z.string(), z.unknown())),
  }),
})

export class Connection {
  readonly #socket: WebSocket
  readonly #transport: Socket
  readonly #identity: CallIdentity
  readonly #deps: ConnectionDeps
  readonly #memory: ConnectionMemory
  readonly #waiting: Buffer[] = []
  #state: 'idle' | 'running' | 'last' | 'closing' = 'idle'
  #isAlive = true
  #cancelIdle = () => {}
  #cancelPing = () => {}

  constructor(socket: WebSocket, transport: Socket, identity: CallIdentity, deps: ConnectionDeps) {
    this.#socket = socket
    this.#transport = transport
    this.#identity = identity
    this.#deps = deps
    this.#memory = createConnectionMemory(deps.limits.maxMessageBytes)
    socket.on('message', (data, isBinary) => this.#onMessage(data, isBinary))
    socket.on('pong', () => {
      this.#isAlive = true
    })
    socket.on('close', () => this.#onClose())
    // What broke the rules of the protocol or their limits; the close that follows says it to the client.
    socket.on('error', () => {})
    this.#rest()
    this.#schedulePing()
  }

  /** No more turns; the one that runs may end. */
  drain(): void {
    if (this.#state === 'idle') this.#close(SHUTTING_DOWN)
    if (this.#state !== 'running') return
    this.#state = 'last'
    for (const _ of this.#waiting.splice(0)) this.#refuse(shuttingDown(), this.#deps.newRequestId())
  }

  /** The connection ends now. */
  terminate(): void {
    this.#socket.terminate()
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    this.#isAlive = true
    if (this.#state === 'closing') return
    const bytes = toBuffer(data)
    const refusal = this.#refusalOf(bytes, isBinary)
    if (refusal !== undefined) {
      this.#refuse(refusal, this.#deps.newRequestId())
      return
    }
    this.#waiting.push(bytes)
    if (this.#state === 'idle') this.#next()
  }

  #refusalOf(bytes: Buffer, isBinary: boolean): BridgeError | undefined {
    if (this.#state === 'last') return shuttingDown()
    if (isBinary) {
      return new BridgeError(
        'invalid_request',
        'A binary message is not served. Send a "response.create" as text.',
      )
    }
    const { maxTurnsWaiting, maxMessageBytes } = this.#deps.limits
    const waitingBytes = this.#waiting.reduce((sum, { length }) => sum + length, 0)
    if (this.#waiting.length < maxTurnsWaiting && waitingBytes + bytes.length <= maxMessageBytes) {
      return undefined
    }
    return new BridgeError(
      'turns_waiting_limit',
      `${this.#waiting.length} turns wait on this connection already: turns run one after another. Send the next one when a turn has ended.`,
    )
  }

  #next(): void {
    const bytes = this.#waiting.shift()
    if (bytes === undefined) {
      this.#rest()
      return
    }
    this.#state = 'running'
    this.#cancelIdle()
    void this.#run(bytes, this.#deps.newRequestId()).then(() => {
      if (this.#state === 'last') this.#close(SHUTTING_DOWN)
      else if (this.#state === 'running') this.#next()
    })
  }

  async #run(bytes: Buffer, requestId: string): Promise<void> {
    let goesOnFrom: unknown
    try {
      const { json, text } = parseJson(bytes)
      const asked = readTurnRequest(json)
      goesOnFrom = asked.body['previous_response_id']
      const turn = await this.#deps.plan(asked, { ...this.#identity, requestId }, this.#memory)
      const stream = createSocketStream(this.#socket, this.#transport)
      if ('warmUp' in turn.does) {
        stream.write(turn.does.warmUp)
        stream.end()
      } else {
        const { call } = turn.does
        const headers = { 'x-request-id': requestId, ...call.headers }
        await this.#deps.run({ ...call, headers, received: { api: 'responses', text } }, stream)
      }
      this.#remember(turn, stream, bytes.length)
    } catch (cause) {
      this.#memory.forget(goesOnFrom)
      this.#refuse(toBridgeError(cause), requestId)
    }
  }

  #remember({ items, responseToGoOnFrom }: SocketTurn, stream: SocketStream, chars: number): void {
    const { terminal } = stream
    const earlier = this.#memory.latest
    if (terminal === undefined || terminal.type === 'response.failed') {
      this.#memory.forget(responseToGoOnFrom)
      return
    }
    const read = UnstoredSchema.safeParse(JSON.parse(terminal.data))
    // What is stored is found there, on whichever connection; only what is not has to be kept here.
    if (!read.success) return
    const { response } = read.data
    const earlierChars = earlier?.responseId === responseToGoOnFrom ? (earlier?.chars ?? 0) : 0
    this.#memory.keep({
      responseId: response.id,
      items: [...items, ...response.output],
      chars: earlierChars + chars + terminal.data.length,
    })
  }

  #refuse(error: BridgeError, requestId: string): void {
    this.#deps.onError(error, requestId)
    // Whoever asks on and on and reads nothing would have its refusals kept in memory.
    if (this.#transport.writableLength > MAX_UNREAD_BYTES) {
      this.#socket.terminate()
      return
    }
    if (this.#socket.readyState !== this.#socket.OPEN) return
    const answer = toErrorAnswer(error, this.#identity.clientKind)
    const headers = { 'x-request-id': requestId, ...answer.headers }
    this.#socket.send(encodeRefusal({ ...answer, headers }))
  }

  #rest(): void {
    const { clock, limits } = this.#deps
    this.#state = 'idle'
    this.#cancelIdle = clock.after(limits.idleMs, () => this.#close('idle'))
  }

  #schedulePing(): void {
    const { clock, limits } = this.#deps
    this.#cancelPing = clock.after(limits.pingMs, () => {
      // A client that is slow to read has not seen the ping yet.
      if (!this.#isAlive && !this.#transport.writableNeedDrain) {
        this.#socket.terminate()
        return
      }
      this.#isAlive = false
      this.#socket.ping()
      this.#schedulePing()
    })
  }

  #close(reason: string): void {
    this.#state = 'closing'
    this.#socket.close(GOING_AWAY, reason)
  }

  #onClose(): void {
    this.#state = 'closing'
    this.#waiting.length = 0
    this.#cancelIdle()
    this.#cancelPing()
  }
}

function shuttingDown(): BridgeError {
  return new BridgeError('shutting_down', 'The bridge is shutting down. Try again in a moment.')
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
}
