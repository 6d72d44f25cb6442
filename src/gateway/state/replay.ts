/** A response's stream for a client that comes later: what was, then what comes. */
import type { ClientStream } from '../ports.ts'
import type { EventLog } from './event-log.ts'
import type { TurnKeeper } from './turn-keeper.ts'

/** Sends what is numbered above `after` and stays until the end. The client's stream is open already. */
export function followLog(keeper: TurnKeeper, after: number, client: ClientStream): void {
  const cursor = keeper.log.cursor()
  let isBlocked = false
  let isGone = false
  const send = () => {
    // Read again once it drains: a slow reader costs no more than its place in the log.
    if (isBlocked || isGone || keeper.isEnding) return
    const text = keeper.log.read(cursor, after)
    if (text !== '') client.write(text)
    if (!keeper.isOver) return
    stop()
    client.end()
  }
  const stop = keeper.onRecorded(send)
  client.onGone(() => {
    isGone = true
    stop()
  })
  client.onBlocked((blocked) => {
    isBlocked = blocked
    send()
  })
  send()
}

/** The whole of a stream that has ended. */
export function replayLog(log: EventLog, after: number, client: ClientStream): void {
  client.write(log.read(log.cursor(), after))
  client.end()
}
