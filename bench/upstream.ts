/**
 * The bench's upstream: Chat Completions over raw sockets. It writes prebuilt bytes, so that on a
 * small machine it takes as little as possible of the cores that the proxies need.
 */
import { createServer, type Socket } from 'node:net'
import { type AnswerFrames, buildFrames } from './chat-frames.ts'
import { type AnswerShape, countMarks, parseModelName } from './wire.ts'

/** Streams that are due in the same millisecond of their period. */
type Slot = Set<PacedStream>

interface PacedStream {
  readonly socket: Socket
  readonly frames: AnswerFrames
  readonly deltas: number
  sent: number
  readonly slot: Slot
}

const ringsByPeriod = new Map<number, Ring>()

/** Spreads streams of one rate over the milliseconds of their period, so that they do not burst. */
class Ring {
  readonly #slots: Slot[]
  #next = 0
  #members = 0
  #at = 0
  #timer: NodeJS.Timeout | undefined

  constructor(periodMs: number) {
    this.#slots = Array.from({ length: periodMs }, () => new Set())
  }

  add(socket: Socket, frames: AnswerFrames, deltas: number): void {
    const slot = this.#slots[this.#next++ % this.#slots.length]
    if (slot === undefined) return
    const stream = { socket, frames, deltas, sent: 0, slot }
    slot.add(stream)
    this.#members++
    socket.once('close', () => this.#remove(stream))
    if (this.#timer === undefined) {
      this.#at = Math.floor(performance.now())
      this.#timer = setInterval(() => this.#advance(), 1)
    }
  }

  #remove(stream: PacedStream): void {
    if (stream.slot.delete(stream)) this.#members--
    if (this.#members > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #advance(): void {
    const now = Math.floor(performance.now())
    // A late timer passes each slot once at most: two events at once would share a read.
    this.#at = Math.max(this.#at, now - this.#slots.length)
    while (this.#at < now) {
      for (const stream of this.#slots[++this.#at % this.#slots.length] ?? []) this.#step(stream)
    }
  }

  #step(stream: PacedStream): void {
    if (stream.sent < stream.deltas) {
      stream.socket.write(stream.frames.delta(stream.sent++))
      return
    }
    stream.socket.write(stream.frames.closing)
    this.#remove(stream)
  }
}

function pace(socket: Socket, frames: AnswerFrames, deltas: number, eventsPerSecond: number): void {
  const periodMs = Math.max(1, Math.round(1000 / eventsPerSecond))
  const ring = ringsByPeriod.get(periodMs) ?? new Ring(periodMs)
  ringsByPeriod.set(periodMs, ring)
  socket.write(frames.opening)
  ring.add(socket, frames, deltas)
}

function pack(socket: Socket, frames: AnswerFrames, deltas: number): void {
  const writeFrom = (n: number, parts: readonly Buffer[]): void => {
    if (socket.destroyed) return
    const { bytes, next } = frames.deltasFrom(n)
    if (next === deltas) {
      // A short answer leaves in one write.
      socket.write(Buffer.concat([...parts, bytes, frames.closing]))
      return
    }
    // A long one waits for the reader between its pieces.
    socket.write(Buffer.concat([...parts, bytes]), (error) => {
      if (!error) writeFrom(next, [])
    })
  }
  writeFrom(0, [frames.opening])
}

function refuse(socket: Socket, status: string, message: string): void {
  const body = JSON.stringify({ error: { message, type: 'invalid_request_error', code: 'bench' } })
  socket.write(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

interface KnownModel {
  readonly shape: AnswerShape
  readonly frames: AnswerFrames
}

const knownModels = new Map<string, KnownModel>()

function findModel(name: string): KnownModel | undefined {
  const known = knownModels.get(name)
  if (known !== undefined) return known
  const shape = parseModelName(name)
  if (shape === undefined) return undefined
  const model = { shape, frames: buildFrames(shape) }
  knownModels.set(name, model)
  return model
}

function answer(socket: Socket, body: Buffer): void {
  const start = body.indexOf('"model":"') + '"model":"'.length
  const name = body.toString('latin1', start, body.indexOf('"', start))
  const model = findModel(name)
  if (model === undefined) {
    refuse(socket, '404 Not Found', `no bench model "${name}"`)
    return
  }
  const { shape, frames } = model
  if (shape.requestMarks !== undefined && countMarks(body) !== shape.requestMarks) {
    const found = `${countMarks(body)} marks in the request, not ${shape.requestMarks}`
    refuse(socket, '400 Bad Request', found)
  } else if (shape.eventsPerSecond === undefined) {
    pack(socket, frames, shape.deltas)
  } else {
    pace(socket, frames, shape.deltas, shape.eventsPerSecond)
  }
}

/** Reads requests with a content-length off one connection; the bench's proxies send no others. */
function serve(socket: Socket): void {
  let parts: Buffer[] = []
  let received = 0
  let expected = -1
  socket.on('data', (bytes) => {
    parts.push(bytes)
    received += bytes.length
    if (expected === -1) {
      const start = Buffer.concat(parts)
      const headEnd = start.indexOf('\r\n\r\n')
      if (headEnd === -1) return
      const head = start.toString('latin1', 0, headEnd)
      const length = /^content-length: *(\d+)/im.exec(head)?.[1]
      if (length === undefined) {
        refuse(socket, '411 Length Required', 'no content-length')
        return
      }
      const bodyStart = start.subarray(headEnd + 4)
      parts = [bodyStart]
      received = bodyStart.length
      expected = Number(length)
    }
    if (received < expected) return
    const body = Buffer.concat(parts)
    parts = []
    received = 0
    expected = -1
    answer(socket, body)
  })
  socket.on('error', () => {
    // A reader that goes away mid-stream is part of the slow-reader figure.
  })
}

const server = createServer({ noDelay: true }, serve)
server.listen({ port: 0, host: '127.0.0.1', backlog: 2048 }, () => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port to listen on')
  console.log(`upstream listening on http://127.0.0.1:${address.port}`)
})
