/** Narrowing of what arrives from outside: an upstream's JSON may hold anything anywhere. */

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The text, or `''` for anything that is not one: absent, null and "" mean the same on these wires. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** JSON of a value, or undefined where it is nested too deeply for the engine's stack. */
export function tryStringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    // Only a RangeError can come here: the value came out of JSON.parse, which nests further.
    return undefined
  }
}

export function tryParse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}
