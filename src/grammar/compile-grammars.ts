/**
 * Grammars of custom tools as checks of what the model wrote. Regular expressions are matched by RE2's
 * algorithm, in time linear in the input: both the expression and the input come from outside, and
 * JavaScript's own engine can be made to run for years. RE2's syntax is that of Rust's `regex`, which
 * OpenAI names; what it cannot read, and Lark, for which there is no kept parser on this platform, are
 * not checked.
 */
import type { GrammarCheck } from '../translate/grammar.ts'
import { clientKey, type ToolGrammar } from '../translate/tool-table.ts'

/** Instructions of the program times characters of the input: a quarter of a second at worst. */
const MAX_WORK = 5_000_000
/** Instructions of all programs of a request: compiling them takes a tenth of a second at worst. */
const MAX_PROGRAMS = 20_000
/** RE2 refuses counts that nest to more. */
const MAX_COPIES = 1_000

type Matcher = (input: string) => boolean

export async function compileGrammars(grammars: readonly ToolGrammar[]): Promise<GrammarCheck> {
  const matchers = new Map<string, Matcher>()
  let room = MAX_PROGRAMS
  for (const { name, namespace, syntax, definition } of grammars) {
    if (syntax !== 'regex') continue
    room -= boundProgram(definition)
    if (room < 0) break
    const matcher = await compileRegex(definition)
    if (matcher !== undefined) matchers.set(clientKey(name, namespace), matcher)
  }
  return ({ name, namespace }, input) => matchers.get(clientKey(name, namespace))?.(input) ?? true
}

/**
 * No fewer instructions than the program has: a few characters ask for a thousand copies of what is
 * before them. `(a{20}b){10}` has 12 characters, 20 copies of one, and ten copies of all that: 320 at most.
 */
function boundProgram(definition: string): number {
  let once = definition.length
  let copies = 1
  for (const [, end, least, most] of definition.matchAll(/([)E]?)\{(\d+)(?:,(\d*))?\}/g)) {
    const count = Math.max(1, Number(least), Number(most ?? 0))
    if (end === '') once += count
    else copies = Math.min(MAX_COPIES, copies * count)
  }
  // An optional copy has a branch, too.
  return 2 * once * copies
}

async function compileRegex(definition: string): Promise<Matcher | undefined> {
  // A quarter of a megabyte that few bridges ever need.
  const { RE2JS, RE2JSException } = await import('re2js')
  try {
    const pattern = RE2JS.compile(definition)
    return (input) => pattern.programSize() * input.length > MAX_WORK || pattern.matches(input)
  } catch (cause) {
    if (cause instanceof RE2JSException) return undefined
    throw cause
  }
}
