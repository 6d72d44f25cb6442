/**
 * Grammars of custom tools as checks of what the model wrote. Regular expressions are matched by RE2's
 * algorithm, in time linear in the input: both the expression and the input come from outside, and
 * JavaScript's own engine can be made to run for years. RE2's syntax is that of Rust's `regex`, which
 * OpenAI names; what it cannot read, and Lark, for which there is no kept parser on this platform, are
 * not checked.
 */
import type { GrammarCheck } from '../translate/grammar.ts'
import { clientKey, type ToolGrammar } from '../translate/tool-table.ts'

/** Characters of the expression times those of the input: a fifth of a second at worst. */
const MAX_WORK = 50_000_000

type Matcher = (input: string) => boolean

export async function compileGrammars(grammars: readonly ToolGrammar[]): Promise<GrammarCheck> {
  const matchers = new Map<string, Matcher>()
  for (const { name, namespace, syntax, definition } of grammars) {
    const matcher = syntax === 'regex' ? await compileRegex(definition) : undefined
    if (matcher !== undefined) matchers.set(clientKey(name, namespace), matcher)
  }
  return ({ name, namespace }, input) => matchers.get(clientKey(name, namespace))?.(input) ?? true
}

async function compileRegex(definition: string): Promise<Matcher | undefined> {
  // A quarter of a megabyte that few bridges ever need.
  const { RE2JS, RE2JSException } = await import('re2js')
  try {
    const pattern = RE2JS.compile(definition)
    return (input) => definition.length * input.length > MAX_WORK || pattern.matches(input)
  } catch (cause) {
    if (cause instanceof RE2JSException) return undefined
    throw cause
  }
}
