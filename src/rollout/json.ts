/**
 * A task app's JSON. Python's `json.dumps` writes `NaN` and `Infinity` as bare words, which no JSON
 * parser takes; an app whose details hold one has a reward all the same.
 */
import { tryParse } from '../translate/narrow.ts'

/** Strings are matched whole, so that a word inside one stays what it is. */
const STRING_OR_WORD = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g

/** @returns undefined for what is no JSON; a bare `NaN` or `Infinity` comes as a string of that name */
export function parseLooseJson(text: string): { readonly value: unknown } | undefined {
  return (
    tryParse(text) ??
    tryParse(text.replace(STRING_OR_WORD, (match) => (match[0] === '"' ? match : `"${match}"`)))
  )
}
