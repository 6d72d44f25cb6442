/**
 * A candidate applied to a request, Chat or Responses. What it does not name stays value for value.
 *
 * @see ../../docs/interceptor.md for what each form means
 */
import type { TrialApi } from './address.ts'
import type { Candidate, Replacement, Section } from './candidate.ts'
import { type Change, type Step, type TextEdit, takeStep } from './change.ts'
import { type PromptMessage, readPrompt } from './prompt.ts'

export interface Applied {
  /** The request with the candidate in it; `json` itself where nothing changed. */
  readonly json: unknown
  readonly changes: readonly Change[]
  /** Replacements that matched nothing, by their place in the candidate. */
  readonly unmatched: readonly number[]
}

/** Beyond it one edit for the whole text is the shorter way to say it. */
const MAX_EDITS = 1_000

export function applyCandidate(json: unknown, api: TrialApi, candidate: Candidate): Applied {
  const draft = new Draft(json, api)
  if (candidate.kind === 'template') {
    applyTemplate(draft, candidate.sections)
    return { ...draft.result, unmatched: [] }
  }
  const unmatched: number[] = []
  for (const [index, replacement] of candidate.replacements.entries()) {
    if (!applyReplacement(draft, replacement, `replacements[${index}]`)) unmatched.push(index)
  }
  return { ...draft.result, unmatched }
}

/** The request while it changes, and how it came to be so. */
class Draft {
  readonly #api: TrialApi
  readonly #changes: Change[] = []
  #json: unknown

  constructor(json: unknown, api: TrialApi) {
    this.#json = json
    this.#api = api
  }

  get result(): Pick<Applied, 'json' | 'changes'> {
    return { json: this.#json, changes: this.#changes }
  }

  get prompt() {
    return readPrompt(this.#json, this.#api)
  }

  take(step: Step, role: string, by: string): void {
    this.#json = takeStep(this.#json, step)
    this.#changes.push({ ...step, role, by })
  }
}

/** @returns whether it matched anything */
function applyReplacement(draft: Draft, replacement: Replacement, by: string): boolean {
  const { apply_to_role: role, old_text: oldText, new_text: newText } = replacement
  const messages = messagesOf(draft, role)
  if (oldText === undefined) {
    const withText = messages.filter(({ texts }) => texts.length > 0)
    // A field that is a text can hold the role's text, but cannot be taken out.
    const keeper = withText.find(({ isField }) => isField) ?? withText[0]
    if (keeper === undefined) return false
    // From the end, so that no step moves what a later one points at.
    for (const message of withText.toReversed()) {
      if (message === keeper) replaceWhole(draft, message, newText, by)
      else takeTextOut(draft, message, by)
    }
    return true
  }
  const find = finder(replacement, oldText)
  let isMatched = false
  for (const { path, text } of messages.flatMap(({ texts }) => texts)) {
    const found = find(text)
    isMatched ||= found.length > 0
    const edits = found
      .filter((at) => !text.startsWith(newText, at) || newText.length !== oldText.length)
      .map((at) => ({ at, removed: oldText.length, inserted: newText }))
    if (edits.length > 0) draft.take({ op: 'edit', path, edits: compact(text, edits) }, role, by)
  }
  return isMatched
}

function messagesOf(draft: Draft, role: string): readonly PromptMessage[] {
  return draft.prompt.messages.filter((message) => message.role === role)
}

/** Where `oldText` begins; every match is as long as it is, in whatever case. */
function finder(
  { match, case_sensitive: isCaseSensitive }: Replacement,
  oldText: string,
): (text: string) => number[] {
  const literal = oldText.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  // Without `u` no letter matches one of another length.
  const pattern = new RegExp(literal, isCaseSensitive ? 'g' : 'gi')
  if (match === 'substring') return (text) => [...text.matchAll(pattern)].map(({ index }) => index)
  return (text) => {
    const [found] = text.length === oldText.length ? text.matchAll(pattern) : []
    return found === undefined ? [] : [0]
  }
}

function compact(text: string, edits: readonly TextEdit[]): readonly TextEdit[] {
  if (edits.length <= MAX_EDITS) return edits
  let from = 0
  let whole = ''
  for (const { at, removed, inserted } of edits) {
    whole += text.slice(from, at) + inserted
    from = at + removed
  }
  return [{ at: 0, removed: text.length, inserted: whole + text.slice(from) }]
}

/** Its first text becomes `text`, its other texts go; what is no text (images, calls) stays. */
function replaceWhole(draft: Draft, message: PromptMessage, text: string, by: string): void {
  const [first, ...others] = message.texts
  if (first === undefined) return
  for (const { part } of others.toReversed()) removePart(draft, part, message.role, by)
  if (first.text === text) return
  const edits = [{ at: 0, removed: first.text.length, inserted: text }]
  draft.take({ op: 'edit', path: first.path, edits }, message.role, by)
}

/** A message that was nothing but its text goes whole. */
function takeTextOut(draft: Draft, message: PromptMessage, by: string): void {
  const { path, role, texts, isOnlyText, isRemovable } = message
  if (texts.length === 0) return
  if (isOnlyText && isRemovable) draft.take({ op: 'remove', path }, role, by)
  else if (isOnlyText) draft.take({ op: 'set', path: `${path}/content`, value: '' }, role, by)
  else for (const { part } of texts.toReversed()) removePart(draft, part, role, by)
}

function removePart(draft: Draft, part: string | undefined, role: string, by: string): void {
  if (part !== undefined) draft.take({ op: 'remove', path: part }, role, by)
}

/**
 * The sections stand together where the first message of their roles stood. The system's text goes back
 * into `instructions` where it came in there.
 */
function applyTemplate(draft: Draft, sections: readonly Section[]): void {
  const roles = new Set<string>(sections.map(({ role }) => role))
  const { messages, list } = draft.prompt
  const named = messages.filter(({ role }) => roles.has(role))
  const instructions = named.find(({ path }) => path === '/instructions')
  let block = sections.map((section, index) => ({ ...section, by: `sections[${index}]` }))
  if (instructions !== undefined) {
    const text = textOf(block, 'system')
    replaceWhole(draft, instructions, text, sectionsOf(block, 'system'))
    block = block.filter(({ role }) => role !== 'system')
  }
  for (const message of named.toReversed()) {
    if (message.path.startsWith('/instructions/')) takeTextOut(draft, message, 'prompt_template')
  }
  const input = messages.find(({ path }) => path === '/input')
  if (input !== undefined && block.length > 0) {
    // One user's text in, one user's text out: no list is made of it.
    if (block.every(({ role }) => role === 'user') && block.length === 1) {
      replaceWhole(draft, input, textOf(block, 'user'), sectionsOf(block, 'user'))
      return
    }
    const value = roles.has('user') ? [] : [list.toMessage('user', input.texts[0]?.text ?? '')]
    draft.take({ op: 'set', path: list.path, value }, 'user', 'prompt_template')
  } else if (!list.isThere && block.length > 0) {
    draft.take({ op: 'set', path: list.path, value: [] }, 'user', 'prompt_template')
  }
  const listed = named.filter(({ index }) => index !== undefined)
  const at = listed[0]?.index ?? 0
  for (const message of listed.toReversed()) takeTextOut(draft, message, 'prompt_template')
  for (const [offset, { role, content, by }] of block.entries()) {
    const value = list.toMessage(role, content)
    draft.take({ op: 'insert', path: `${list.path}/${at + offset}`, value }, role, by)
  }
}

interface PlacedSection extends Section {
  readonly by: string
}

const textOf = (block: readonly PlacedSection[], role: string): string =>
  block
    .filter((section) => section.role === role)
    .map(({ content }) => content)
    .join('\n\n')

const sectionsOf = (block: readonly PlacedSection[], role: string): string =>
  block
    .filter((section) => section.role === role)
    .map(({ by }) => by)
    .join(', ')
