/** The ways an upstream's answer fails, and the frames that are several, for all wires alike. */
import { BridgeError } from '../errors.ts'
import { tryParse } from './narrow.ts'
import type { FailedFinish } from './to-responses/finish-reason.ts'
import { excerptOf } from './upstream-error.ts'

export function badAnswer(message: string): BridgeError {
  return new BridgeError('upstream_bad_answer', message)
}

/** It ended its stream, or closed it, too early. */
export function cutShort(): BridgeError {
  return new BridgeError(
    'upstream_cut',
    'The upstream ended its stream before the answer was whole.',
  )
}

export function gaveUp({ finishReason }: FailedFinish): BridgeError {
  return new BridgeError(
    'upstream_error',
    `The upstream gave up with finish_reason ${excerptOf(finishReason)}.`,
  )
}

/** What an event means that is no JSON: several frames, a failure, or, undefined, nothing of ours. */
export function readUnparsed(
  data: string,
  event: string | undefined,
): { readonly frames: readonly string[] } | { readonly error: BridgeError } | undefined {
  const lines = data.split('\n')
  // Some servers part their frames by one newline, so that several arrive as one.
  if (lines.length > 1 && lines.every(isDocument)) return { frames: lines }
  if (event === 'error') {
    const said = `The upstream reported an error: ${excerptOf(data)}.`
    return { error: new BridgeError('upstream_error', said) }
  }
  if (event !== undefined && event !== 'message') return undefined
  return {
    error: badAnswer(`The upstream sent something that is not a chunk: ${excerptOf(data)}.`),
  }
}

function isDocument(line: string): boolean {
  return line.trim() === '' || line.trim() === '[DONE]' || tryParse(line) !== undefined
}
