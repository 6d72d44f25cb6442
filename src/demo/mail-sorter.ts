/**
 * What the built-in model can do of the example task `support-mail`: it sorts a message by the words that
 * the instruction explains each desk with, and knows nothing else. So a better instruction scores better,
 * and the same one always the same.
 */

/** What the task's instruction ends in, whatever a candidate puts before it. */
const ASKED = /desk that the message belongs to: ([a-z, ]+)\./i

/** Enough of a word to know its forms by: `pay`, `paid` and `payment` are not, `charge` and `charged` are. */
const STEM_CHARS = 4

/** @returns the desk; undefined where nothing asks for one */
export function sortMail(instruction: string, message: string): string | undefined {
  const desks = ASKED.exec(instruction)?.[1]?.split(/,\s*/)
  if (desks === undefined) return undefined
  const words = stemsOf(message)
  const scored = desks.map((desk) => {
    const known = stemsOf(`${desk} ${explanationOf(instruction, desk)}`)
    return { desk, score: [...words].filter((word) => known.has(word)).length }
  })
  // The first listed where nothing, or nothing more, is known.
  return scored.reduce((best, one) => (one.score > best.score ? one : best)).desk
}

/** `billing: payments, invoices.` A desk is letters alone, as `ASKED` has it. */
function explanationOf(instruction: string, desk: string): string {
  return new RegExp(`\\b${desk}: ([^.]*)\\.`, 'i').exec(instruction)?.[1] ?? ''
}

function stemsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[a-z]{3,}/g) ?? []
  return new Set(words.map((word) => word.slice(0, STEM_CHARS)))
}
