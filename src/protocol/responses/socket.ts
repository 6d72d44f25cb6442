/**
 * What the two sides of a Responses WebSocket say: the client `response.create`, the bridge the events
 * of a stream without their framing, and an envelope for what is refused.
 *
 * @see https://www.openresponses.org/specification
 * @see https://platform.openai.com/docs/guides/websocket-mode
 */
import { z } from 'zod'
import { BridgeError } from '../../errors.ts'
import { readAs } from './read.ts'

/** One turn that a client asks for. */
export interface TurnRequest {
  /** The body that `POST …/responses` would have had. */
  readonly body: Readonly<Record<string, unknown>>
  /** False for a warm-up: the input is taken in, and no model is asked. */
  readonly generates: boolean
}

const MessageSchema = z.looseObject({
  type: z.string(),
  generate: z.boolean().nullish(),
  stream_id: z.string().nullish(),
  background: z.boolean().nullish(),
})

/** @throws {BridgeError} invalid_request for anything but a `response.create`. */
export function readTurnRequest(json: unknown): TurnRequest {
  const { type, generate, stream_id, background, ...rest } = readAs(MessageSchema, json, '')
  if (type !== 'response.create') {
    throw new BridgeError(
      'invalid_request',
      `type "${type.slice(0, 80)}" is not served. A message is a "response.create"; to stop a turn, close the connection.`,
      { param: 'type' },
    )
  }
  if (stream_id !== undefined && stream_id !== null) {
    throw new BridgeError(
      'invalid_request',
      'stream_id is not served: the turns of one connection run one after another. Leave it out, or open a connection for each stream.',
      { param: 'stream_id' },
    )
  }
  if (background === true) {
    throw new BridgeError(
      'invalid_request',
      'background is not served on a WebSocket: its client is there to hear the answer. Use POST.',
      { param: 'background' },
    )
  }
  // Codex says "stream" here too, where it means nothing: a socket always streams.
  return { body: { ...rest, stream: true }, generates: generate !== false }
}

/** A refusal as HTTP would have answered it. */
export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** `{"error": {…}}` */
  readonly body: string
}

/** Of the HTTP answer's headers those that say something of the body mean nothing here. */
const BODY_HEADERS = new Set(['content-type', 'content-length'])

/** Codex reads `headers` as those of the answer: it is where it finds why a budget stops it. */
export function encodeRefusal({ status, headers, body }: Refusal): string {
  const kept = Object.entries(headers).filter(([name]) => !BODY_HEADERS.has(name))
  const { error } = JSON.parse(body)
  return JSON.stringify({ type: 'error', status, error, headers: Object.fromEntries(kept) })
}
