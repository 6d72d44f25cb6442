/**
 * The chunks of a Chat Completions stream as the one body they amount to, whatever members they carry:
 * several choices, log-probabilities, token ids, fields of one provider alone.
 */
import { isRecord } from './narrow.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** Members that every chunk repeats, and whose later values say nothing more. */
const REPEATED = new Set(['id', 'type', 'role', 'index', 'object', 'created', 'model', 'name'])

export class ChatFold {
  #head: Record<string, unknown> | undefined
  readonly #choices = new Map<number, Record<string, unknown>>()

  read(chunk: JsonObject): void {
    this.#head ??= { id: null, object: 'chat.completion', created: null, model: null }
    for (const key in chunk) {
      if (key === 'choices') this.#readChoices(chunk[key])
      else if (key !== 'object') keep(this.#head, key, chunk[key])
    }
  }

  /** Undefined before anything came. */
  get completion(): JsonObject | undefined {
    if (this.#head === undefined) return undefined
    const choices = [...this.#choices].sort(([left], [right]) => left - right)
    return { ...this.#head, choices: choices.map(([, choice]) => choice) }
  }

  #readChoices(choices: unknown): void {
    if (!Array.isArray(choices)) return
    for (let position = 0; position < choices.length; position++) {
      const choice: unknown = choices[position]
      if (!isRecord(choice)) continue
      const index = Number.isInteger(choice['index']) ? Number(choice['index']) : position
      let folded = this.#choices.get(index)
      if (folded === undefined) {
        folded = { index, message: { role: 'assistant', content: null }, finish_reason: null }
        this.#choices.set(index, folded)
      }
      for (const key in choice) {
        if (key === 'delta') merge(folded['message'], choice[key])
        else if (key !== 'index') merge(folded, { [key]: choice[key] })
      }
    }
  }
}

/** The last value that says something. */
function keep(target: Record<string, unknown>, key: string, value: unknown): void {
  if (value === null || value === undefined || value === '') return
  if (REPEATED.has(key) && target[key] !== undefined && target[key] !== null) return
  target[key] = value
}

/** Texts and lists grow, objects are merged, elements with an index go to their own. */
function merge(target: unknown, piece: unknown): void {
  if (!isRecord(target) || !isRecord(piece)) return
  for (const key in piece) {
    const value = piece[key]
    const before = target[key]
    if (typeof value === 'string' && typeof before === 'string') {
      if (!REPEATED.has(key) && key !== 'finish_reason') target[key] = before + value
    } else if (Array.isArray(value)) {
      if (!Array.isArray(before)) target[key] = []
      appendTo(target[key] as unknown[], value)
    } else if (isRecord(value)) {
      if (!isRecord(before)) target[key] = {}
      merge(target[key], value)
    } else if (value !== null || before === undefined) target[key] = value
  }
}

function appendTo(list: unknown[], values: readonly unknown[]): void {
  for (const value of values) {
    if (!isRecord(value) || !Number.isInteger(value['index'])) {
      list.push(value)
      continue
    }
    const index = value['index']
    const known = list.find((entry) => isRecord(entry) && entry['index'] === index)
    if (known !== undefined) merge(known, value)
    else {
      const begun: Record<string, unknown> = {}
      merge(begun, value)
      list.push(begun)
    }
  }
}
