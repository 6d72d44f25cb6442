/**
 * How much an answer may generate, as the upstream is told: the least of what the client asks for, what
 * the model's configuration allows and what the budget has room for.
 */

export interface LimitedBody {
  /** As it goes upstream unless the budget clamps it. */
  readonly body: string
  /** Most output tokens of the answer; undefined is the model's own maximum. */
  readonly maxOutputTokens: number | undefined
  /** @param clamp of the budget, in tokens; undefined leaves the body as it is */
  within(clamp: number | undefined): string
}

/**
 * Where the client asks for no limit, none is sent for the configuration's sake: the upstream's own
 * default is not ours to guess. The budget's clamp is sent all the same.
 *
 * @param fields The members of `request` that limit the output; an unasked clamp goes into the first.
 * @param ceiling of the model's configuration, in tokens
 */
export function limitOutput(
  request: Readonly<Record<string, unknown>>,
  fields: readonly [string, ...string[]],
  ceiling: number | undefined,
): LimitedBody {
  const asked = Object.fromEntries(
    fields.flatMap((field) => {
      const value = request[field]
      return typeof value === 'number' ? [[field, value]] : []
    }),
  )
  const limits = Object.values(asked)
  const maxOutputTokens = smallerLimit(
    limits.length === 0 ? undefined : Math.max(...limits),
    ceiling,
  )
  const bodyWithin = (limit: number | undefined, unasked: Readonly<Record<string, number>>) => {
    const capped = Object.entries({ ...unasked, ...asked }).map(([field, value]) => [
      field,
      smallerLimit(value, limit),
    ])
    return JSON.stringify({ ...request, ...Object.fromEntries(capped) })
  }
  const body = bodyWithin(ceiling, {})
  return {
    body,
    maxOutputTokens,
    within(clamp) {
      const limit = smallerLimit(maxOutputTokens, clamp)
      if (limit === undefined || limit === maxOutputTokens) return body
      return bodyWithin(limit, limits.length === 0 ? { [fields[0]]: limit } : {})
    },
  }
}

/** The smaller of two limits of which either may be absent. */
function smallerLimit(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b
  return b === undefined ? a : Math.min(a, b)
}
