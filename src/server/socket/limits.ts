/** What a WebSocket connection may do: as configured, and where there is nothing to configure. */
import type { Config } from '../../config/schema.ts'
import type { ConnectionLimits } from './connection.ts'

/** More than a client that waits for its answers ever sends ahead. */
const MAX_TURNS_WAITING = 8
/** Below the minute after which proxies drop a quiet connection. */
const PING_MS = 30_000

export function connectionLimits(server: Config['server']): ConnectionLimits {
  return {
    maxMessageBytes: server.max_body_bytes,
    maxTurnsWaiting: MAX_TURNS_WAITING,
    idleMs: server.websocket_idle_ms,
    pingMs: PING_MS,
  }
}
