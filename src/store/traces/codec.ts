/**
 * What a call handed over, as it is kept: cleared of secrets, the request once with what was changed in
 * it, cut into pieces and packed. Runs where the store does, not where calls are served.
 */
import { hash } from 'node:crypto'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { TracedRequest } from '../../gateway/trace/port.ts'
import type { Change } from '../../trace/change.ts'
import { changesBetween } from '../../trace/diff.ts'
import { join, type Piece, split } from '../../trace/pieces.ts'
import { redactJson } from '../../trace/redact-json.ts'

export interface HashedPiece {
  readonly hash: string
  /** JSON; packed only where it is new. */
  readonly body: string
}

export interface Packed {
  readonly body: Uint8Array
  /** JSON: pointer and hash of each, in order. Null where there are none. */
  readonly places: string | null
  readonly pieces: readonly HashedPiece[]
}

type Redact = (text: string) => string

/** @returns `{received, changes}`, packed */
export function packRequest({ received, sent, candidate }: TracedRequest, redact: Redact): Packed {
  const before = redactJson(JSON.parse(received), redact)
  const changes: readonly Change[] =
    sent === undefined
      ? []
      : changesBetween(
          before,
          redactJson(JSON.parse(sent), redact),
          received.length,
          // The redactor gives back what it is given, with other texts.
          redactJson(candidate, redact) as readonly Change[],
        )
  const { rest, pieces } = split(before)
  return pack(`{"received":${rest},"changes":${JSON.stringify(changes)}}`, pieces)
}

export function packResponse(response: string, redact: Redact): Packed {
  const { rest, pieces } = split(redactJson(JSON.parse(response), redact))
  return pack(rest, pieces)
}

function pack(rest: string, pieces: readonly Piece[]): Packed {
  const hashed = pieces.map((piece) => ({
    ...piece,
    hash: hash('sha256', piece.body, 'base64url'),
  }))
  return {
    body: packText(rest),
    places:
      hashed.length === 0
        ? null
        : JSON.stringify(hashed.map((piece) => [piece.pointer, piece.hash])),
    pieces: hashed,
  }
}

/** Pointer and hash of each piece of what was packed. */
export function placesOf(places: string | null): readonly (readonly [string, string])[] {
  return places === null ? [] : JSON.parse(places)
}

export interface Unpacked {
  readonly received: unknown
  readonly changes: readonly Change[]
}

/** @param pieces by hash, each as JSON; one that is missing stays null */
export function unpackRequest(
  body: Uint8Array,
  places: string | null,
  pieces: ReadonlyMap<string, string>,
): Unpacked {
  const { received, changes } = JSON.parse(textOf(body))
  return { received: join(received, found(places, pieces)), changes }
}

export function unpackResponse(
  body: Uint8Array,
  places: string | null,
  pieces: ReadonlyMap<string, string>,
): unknown {
  return join(JSON.parse(textOf(body)), found(places, pieces))
}

function found(places: string | null, pieces: ReadonlyMap<string, string>): Piece[] {
  return placesOf(places).flatMap(([pointer, key]) => {
    const body = pieces.get(key)
    return body === undefined ? [] : [{ pointer, body }]
  })
}

export const packText = (text: string): Uint8Array => zstdCompressSync(text)

export const textOf = (packed: Uint8Array): string => zstdDecompressSync(packed).toString('utf8')
