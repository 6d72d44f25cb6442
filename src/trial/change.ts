/**
 * What was changed in a request, as a list of steps: carried out in order on the request as received they
 * give the request as sent. A trace holds them in place of a second copy of a long conversation.
 */

/** Offsets are in UTF-16 units of the text before the step, ascending and apart. */
export interface TextEdit {
  readonly at: number
  /** Units taken out. */
  readonly removed: number
  readonly inserted: string
}

/** `path` is a JSON Pointer (RFC 6901) into the request as the steps before have left it. */
export type Step =
  | { readonly op: 'edit'; readonly path: string; readonly edits: readonly TextEdit[] }
  | { readonly op: 'set'; readonly path: string; readonly value: unknown }
  | { readonly op: 'insert'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }

export type Change = Step & {
  readonly role: string
  /** What in the candidate asked for it: `replacements[0]`, `sections[1]`. */
  readonly by: string
}

/** @returns a copy as far as the step reaches; the rest is shared with `json` */
export function takeStep(json: unknown, step: Step): unknown {
  return at(json, step.path.split('/').slice(1), step)
}

function at(json: unknown, path: readonly string[], step: Step): unknown {
  const [key, ...deeper] = path
  if (key === undefined) return newValue(json, step)
  if (Array.isArray(json)) {
    const index = Number(key)
    if (deeper.length > 0) return json.with(index, at(json[index], deeper, step))
    if (step.op === 'insert') return json.toSpliced(index, 0, step.value)
    if (step.op === 'remove') return json.toSpliced(index, 1)
    return json.with(index, newValue(json[index], step))
  }
  if (typeof json !== 'object' || json === null) throw new Error(`nothing at ${step.path}`)
  return { ...json, [key]: at(Reflect.get(json, key), deeper, step) }
}

function newValue(value: unknown, step: Step): unknown {
  if (step.op === 'set') return step.value
  if (step.op === 'edit' && typeof value === 'string') return edited(value, step.edits)
  throw new Error(`cannot ${step.op} at ${step.path}`)
}

function edited(text: string, edits: readonly TextEdit[]): string {
  const pieces: string[] = []
  let from = 0
  for (const { at: start, removed, inserted } of edits) {
    pieces.push(text.slice(from, start), inserted)
    from = start + removed
  }
  return pieces.join('') + text.slice(from)
}
