/** One event, one line. Clients and upstreams write parts of it. */
import type { BridgeEvent } from '../compose.ts'
import { toVisible } from './visible.ts'

export function toLogLine({ level, requestId, message }: BridgeEvent): string {
  const id = requestId === undefined ? '' : ` ${requestId}`
  return `${level}${id} ${toVisible(message)}\n`
}
