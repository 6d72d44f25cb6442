/** JSON that keeps big integers: an amount is written as `{"$n":"123"}` and read back as one. */

function isBoxed(value: unknown): value is { readonly $n: string } {
  return (
    typeof value === 'object' && value !== null && '$n' in value && typeof value.$n === 'string'
  )
}

export function toExactJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'bigint' ? { $n: member.toString() } : member,
  )
}

/** What `toExactJson` wrote. The caller says what it is: only this store writes these columns. */
export function fromExactJson<Value>(text: string): Value {
  return JSON.parse(text, (_key, member: unknown) =>
    isBoxed(member) ? BigInt(member.$n) : member,
  ) as Value
}
