/** A line of the file that `synth rollout --out` writes, and what such a file says has been done. */
import { z } from 'zod'
import { tryParse } from '../translate/narrow.ts'

export const RolloutLineSchema = z.object({
  seed: z.int().nonnegative(),
  /**
   * `done` has a reward that counts. `failed` has none, and its cause in `error`. `incomplete` has lost
   * a call on the way, so that its reward, if it has one, is not to be trained on.
   */
  status: z.enum(['done', 'failed', 'incomplete']),
  reward: z.number().nullable(),
  error: z.string().nullable(),
  /** Null where the seed did not get as far as a trial. */
  trial_id: z.string().nullable(),
  correlation_id: z.string().nullable(),
  /** Calls of the trial, in the order they were made. */
  trace_ids: z.array(z.string()),
  /** Plain decimal; null where the bridge could not say. */
  cost_usd: z.string().nullable(),
  /** Input and output; null where the bridge could not say. */
  tokens: z.int().nullable(),
  duration_ms: z.int().nonnegative(),
})
export type RolloutLine = z.infer<typeof RolloutLineSchema>

export const encodeLine = (line: RolloutLine): string => `${JSON.stringify(line)}\n`

export interface ReadLines {
  /** By seed; where a seed has several, the last. */
  readonly lines: ReadonlyMap<number, RolloutLine>
  /** How much of the text is whole lines. What follows was torn by a crash. */
  readonly wholeChars: number
  /** The first line that is none of ours, and what is wrong with it. */
  readonly problem: { readonly line: number; readonly reason: string } | undefined
}

export function readLines(text: string): ReadLines {
  const lines = new Map<number, RolloutLine>()
  let wholeChars = 0
  let number = 0
  while (wholeChars < text.length) {
    const end = text.indexOf('\n', wholeChars)
    // Written with its line end in one piece: without one it is not all there, even if it parses.
    if (end === -1) break
    number += 1
    const row = text.slice(wholeChars, end)
    wholeChars = end + 1
    if (row.trim() === '') continue
    const json = tryParse(row)
    const parsed = RolloutLineSchema.safeParse(json?.value)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      const reason =
        json === undefined
          ? 'is no JSON'
          : `is no line of a rollout (${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''})`
      return { lines, wholeChars, problem: { line: number, reason } }
    }
    lines.set(parsed.data.seed, parsed.data)
  }
  return { lines, wholeChars, problem: undefined }
}
