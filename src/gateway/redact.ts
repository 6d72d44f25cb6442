/** Takes secrets out of text that others wrote: upstreams echo the key they were sent. */
import { REDACTED, withoutKeys } from '../translate/key-shapes.ts'

/** Shorter values are words: replacing them everywhere would garble messages. */
const MIN_SECRET_CHARS = 6

/** @param secrets the actual values in use */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  // Longest first, so that a key that contains another goes whole.
  const known = [...new Set(secrets)]
    .filter((secret) => secret.length >= MIN_SECRET_CHARS)
    .sort((a, b) => b.length - a.length)
  return (text) => {
    let clean = text
    for (const secret of known) clean = clean.replaceAll(secret, REDACTED)
    return withoutKeys(clean)
  }
}
