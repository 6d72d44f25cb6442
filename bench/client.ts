/**
 * The bench's client process: opens streams over raw sockets, checks every one of them and reports
 * to its parent. Raw, because a whole HTTP client would take the core that the proxy needs.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type AnswerCheck, createAnswerCheck, type Expected } from './answer-check.ts'

/** Streams over keep-alive connections, each asking again as soon as its answer is over. */
export interface LoadOrder {
  readonly order: 'load'
  readonly origin: string
  readonly path: string
  readonly body: string
  readonly streams: number
  readonly connections: number
  readonly expected: Expected
}

/** One stream read at a trickle for a while, then dropped. */
export interface TrickleOrder {
  readonly order: 'trickle'
  readonly origin: string
  readonly path: string
  readonly body: string
  readonly bytesPerSecond: number
  readonly seconds: number
}

export type ClientOrder = LoadOrder | TrickleOrder

export type ClientReport =
  /** Every stream of the load has begun and none has ended: they are all open. */
  | { readonly report: 'all open' }
  | { readonly report: 'done'; readonly reads: number; readonly faults: readonly string[] }

function report(message: ClientReport): void {
  process.send?.(message)
}

function toRequestBytes(order: ClientOrder): Buffer {
  const body = Buffer.from(order.body)
  const head =
    `POST ${order.path} HTTP/1.1\r\nhost: ${new URL(order.origin).host}\r\n` +
    'content-type: application/json\r\naccept: text/event-stream\r\n' +
    `content-length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

async function runLoad(order: LoadOrder): Promise<void> {
  const { hostname, port } = new URL(order.origin)
  const request = toRequestBytes(order)
  const faults: string[] = []
  let asked = 0
  let begun = 0
  let ended = 0
  let reads = 0
  // One buffer for all: a read is done with when its callback returns.
  const buffer = Buffer.allocUnsafe(256 * 1024)
  const over = Promise.withResolvers<void>()

  function end(fault: string | undefined): void {
    if (fault !== undefined) faults.push(fault)
    if (++ended === order.streams) over.resolve()
  }

  function open(): Promise<Socket> {
    let check: AnswerCheck | undefined
    let hasBegun = false
    const ask = (): void => {
      hasBegun = false
      if (asked === order.streams) {
        check = undefined
        socket.end()
        return
      }
      asked++
      check = createAnswerCheck(order.expected)
      socket.write(request)
    }
    const onRead = (length: number): boolean => {
      if (check === undefined) return true
      reads++
      const isOver = check.push(buffer.subarray(0, length))
      if (!hasBegun && check.deltas > 0) {
        hasBegun = true
        if (++begun === order.streams && ended === 0) report({ report: 'all open' })
      }
      if (isOver) {
        end(check.fault)
        ask()
      }
      return true
    }
    const socket = connect({
      port: Number(port),
      host: hostname,
      noDelay: true,
      onread: { buffer, callback: onRead },
    })
    socket.on('connect', ask)
    socket.on('error', (error) => faults.push(String(error)))
    socket.on('close', () => {
      if (check === undefined) return
      check = undefined
      end('the connection closed in the middle of an answer')
    })
    return once(socket, 'connect').then(() => socket)
  }

  const sockets: Socket[] = []
  while (sockets.length < order.connections) {
    // In groups: a listening socket's queue is short on many machines.
    const group = Math.min(100, order.connections - sockets.length)
    sockets.push(...(await Promise.all(Array.from({ length: group }, open))))
  }
  await over.promise
  for (const socket of sockets) socket.destroy()
  report({ report: 'done', reads, faults: faults.slice(0, 5) })
}

async function runTrickle(order: TrickleOrder): Promise<void> {
  const { hostname, port } = new URL(order.origin)
  const socket = connect({ port: Number(port), host: hostname, noDelay: true })
  const faults: string[] = []
  socket.on('error', (error) => faults.push(String(error)))
  socket.on('readable', () => {
    // Paused mode: what is not asked for stays in the kernel, and then with the proxy.
  })
  socket.write(toRequestBytes(order))
  let reads = 0
  let start = ''
  for (let second = 0; second < order.seconds; second++) {
    await delay(1000)
    const bytes: Buffer | null = socket.read(order.bytesPerSecond) ?? socket.read()
    if (bytes === null) continue
    reads++
    if (second < 3) start += bytes.toString('latin1')
  }
  if (!start.startsWith('HTTP/1.1 200')) faults.push(start.slice(0, 600) || 'nothing came')
  socket.destroy()
  report({ report: 'done', reads, faults })
}

process.on('message', (message) => {
  // The parent is the only other end of this channel, and sends nothing else.
  const order = message as ClientOrder
  const running = order.order === 'load' ? runLoad(order) : runTrickle(order)
  running.catch((error: unknown) => report({ report: 'done', reads: 0, faults: [String(error)] }))
})
