/**
 * The request's body: read within limits, unpacked within limits, parsed once.
 *
 * @see ../../docs/errors.md body_too_large, unsupported_media_type, invalid_json, request_too_deep
 */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib'
import { BridgeError, systemCodeOf } from '../errors.ts'

export interface BodyLimits {
  /** Bytes on the wire. */
  readonly maxBodyBytes: number
  /** Bytes after unpacking. */
  readonly maxInflatedBytes: number
}

/** Tool schemas nest about fifteen deep; recursive readers behind us overflow at thousands. */
const MAX_DEPTH = 128

const UNPACK = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
} as const

type Encoding = keyof typeof UNPACK

function isEncoding(value: string): value is Encoding {
  return Object.hasOwn(UNPACK, value)
}

function tooLarge(limit: number, what: string): BridgeError {
  return new BridgeError(
    'body_too_large',
    `The request body is larger than ${limit} bytes${what}. Raise server.max_body_bytes to allow it.`,
  )
}

async function readBytes(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > limits.maxBodyBytes) throw tooLarge(limits.maxBodyBytes, '')
  const pieces: Buffer[] = []
  let bytes = 0
  // Left open when a limit is passed: the refusal still has to go out on this socket.
  try {
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      bytes += piece.length
      if (bytes > limits.maxBodyBytes) throw tooLarge(limits.maxBodyBytes, '')
      pieces.push(piece)
    }
  } catch (cause) {
    if (cause instanceof BridgeError) throw cause
    throw new BridgeError('invalid_json', 'The request body was cut off.', { cause })
  }
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
}

async function unpack(bytes: Buffer, header: string, limits: BodyLimits): Promise<Buffer> {
  const encoding = header.trim().toLowerCase()
  if (encoding === '' || encoding === 'identity') return bytes
  if (!isEncoding(encoding)) {
    throw new BridgeError(
      'unsupported_media_type',
      `content-encoding "${header.slice(0, 40)}" is not supported. Send one of gzip, deflate, br, zstd, or none.`,
    )
  }
  try {
    return await UNPACK[encoding](bytes, { maxOutputLength: limits.maxInflatedBytes })
  } catch (cause) {
    if (systemCodeOf(cause) === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(limits.maxInflatedBytes, ' once unpacked')
    throw new BridgeError('invalid_json', `The request body is not valid ${encoding}.`, { cause })
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** The deepest nesting of arrays and objects, without parsing; strings are jumped over. */
function depthOf(bytes: Buffer): number {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      at = endOfString(bytes, at)
      if (at === -1) return deepest
    } else if (byte === 0x7b || byte === 0x5b) {
      depth++
      if (depth > deepest) deepest = depth
    } else if (byte === 0x7d || byte === 0x5d) depth--
  }
  return deepest
}

function endOfString(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(QUOTE, start + 1); at !== -1; at = bytes.indexOf(QUOTE, at + 1)) {
    let slashes = 0
    while (bytes[at - 1 - slashes] === BACKSLASH) slashes++
    if (slashes % 2 === 0) return at
  }
  return -1
}

/** `__proto__`, or an escaped letter of it: clients that escape do so beyond ASCII, so this is rare. */
const MAY_HOLD_PROTOTYPE_KEY = /__proto__|\\u00(?:5f|6f|7[024])/i

function withoutPrototypeKeys(key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value
}

export interface JsonBody {
  readonly json: unknown
  /** As it came, for whoever keeps it. */
  readonly text: string
}

/** @throws {BridgeError} invalid_json, request_too_deep */
export function parseJson(bytes: Buffer): JsonBody {
  if (!isUtf8(bytes)) throw new BridgeError('invalid_json', 'The request body is not UTF-8.')
  if (depthOf(bytes) > MAX_DEPTH) {
    throw new BridgeError(
      'request_too_deep',
      `The request body nests arrays and objects more than ${MAX_DEPTH} deep.`,
    )
  }
  const text = bytes.toString('utf8')
  try {
    // The reviver is slow and only needed where the key is there; copies made later would act on it.
    const json: unknown = MAY_HOLD_PROTOTYPE_KEY.test(text)
      ? JSON.parse(text, withoutPrototypeKeys)
      : JSON.parse(text)
    return { json, text }
  } catch (cause) {
    const where = cause instanceof Error ? ` (${cause.message.slice(0, 120)})` : ''
    throw new BridgeError('invalid_json', `The request body is not valid JSON${where}.`, { cause })
  }
}

/** @throws {BridgeError} body_too_large, unsupported_media_type, invalid_json, request_too_deep */
export async function readJsonText(
  request: IncomingMessage,
  limits: BodyLimits,
): Promise<JsonBody> {
  const type = (request.headers['content-type'] ?? '').toLowerCase()
  // Other types are what a web page may send across origins without being asked.
  if (type !== '' && !/^application\/(?:[\w.-]+\+)?json\b/.test(type)) {
    throw new BridgeError(
      'unsupported_media_type',
      `content-type "${type.slice(0, 60)}" is not supported. Send application/json.`,
    )
  }
  const packed = await readBytes(request, limits)
  const bytes = await unpack(packed, request.headers['content-encoding'] ?? '', limits)
  if (bytes.length === 0) throw new BridgeError('invalid_json', 'The request body is empty.')
  return parseJson(bytes)
}

/** @throws {BridgeError} body_too_large, unsupported_media_type, invalid_json, request_too_deep */
export async function readJsonBody(request: IncomingMessage, limits: BodyLimits): Promise<unknown> {
  return (await readJsonText(request, limits)).json
}
