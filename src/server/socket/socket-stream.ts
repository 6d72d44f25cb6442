/**
 * A turn's answer on a WebSocket, as a `ClientStream`: the frames of a server-sent stream without their
 * framing, a message each.
 */
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { ClientStream } from '../../gateway/ports.ts'
import { encodeRefusal } from '../../protocol/responses/socket.ts'
import { type Message, unframe } from '../../protocol/sse.ts'

export interface SocketStream extends ClientStream {
  /** The event that ended the answer; undefined where it was refused, or is not over. */
  readonly terminal: Message | undefined
}

const TERMINAL = new Set(['response.completed', 'response.incomplete', 'response.failed'])

/**
 * @param transport below the WebSocket: it knows how much the client has yet to read
 */
export function createSocketStream(socket: WebSocket, transport: Socket): SocketStream {
  let terminal: Message | undefined
  let isCorked = false
  let onBlocked: (blocked: boolean) => void = () => {}

  /** Messages of one turn of the event loop leave in one write, as frames of a stream do. */
  const cork = () => {
    if (isCorked) return
    isCorked = true
    transport.cork()
    process.nextTick(() => {
      isCorked = false
      transport.uncork()
      if (transport.writableNeedDrain) onBlocked(true)
    })
  }
  const onDrain = () => onBlocked(false)
  let onClose = () => {}
  transport.on('drain', onDrain)
  /** The next turn of the connection has listeners of its own. */
  const release = () => {
    transport.off('drain', onDrain)
    socket.off('close', onClose)
  }
  const isOpen = () => socket.readyState === socket.OPEN

  return {
    get terminal() {
      return terminal
    },
    open() {},
    write(frames) {
      if (!isOpen()) return
      cork()
      for (const message of unframe(frames)) {
        if (TERMINAL.has(message.type)) terminal = message
        socket.send(message.data)
      }
    },
    end: release,
    respond(status, headers, body) {
      release()
      if (isOpen()) socket.send(encodeRefusal({ status, headers, body }))
    },
    drop() {
      socket.terminate()
    },
    onBlocked(listener) {
      onBlocked = listener
    },
    onGone(listener) {
      if (!isOpen()) {
        listener()
        return
      }
      onClose = listener
      socket.once('close', onClose)
    },
  }
}
