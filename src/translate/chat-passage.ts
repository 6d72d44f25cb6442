/**
 * Which frames of a relayed Chat Completions stream leave, and when. What tells a client that the
 * answer is over waits: the finish of the last running choice, and what stands behind it. If the
 * answer goes on, it was not the end, and what waited leaves first.
 */
import { countChoice } from './chat-generated.ts'
import { isRecord, listOf } from './narrow.ts'

type JsonObject = Readonly<Record<string, unknown>>

export interface Passage {
  /** @param isBehindDone whether the upstream has said `[DONE]`: then only usage has a place */
  pass(chunk: JsonObject, data: string, event: string | undefined, isBehindDone: boolean): void
  /** Indices of the choices that have begun and not finished. */
  readonly running: readonly number[]
  readonly isRunning: boolean
  /** Whether a frame with usage was let through: nobody is told twice. */
  readonly hasToldUsage: boolean
  readonly outputChars: number
  /** The frames that waited. */
  release(): string
}

export function createPassage(write: (text: string) => void, includeUsage: boolean): Passage {
  const begun = new Set<number>()
  const finished = new Set<number>()
  let held = ''
  let hasToldUsage = false
  let outputChars = 0

  const running = (): number[] => [...begun].filter((index) => !finished.has(index))

  return {
    pass(chunk, data, event, isBehindDone) {
      const choices = listOf(chunk['choices'])
      const hasUsage = isRecord(chunk['usage'])
      const isUsageOnly = choices.length === 0 && hasUsage
      // An event with a name is no part of this wire, unless it is a chunk all the same.
      const isOfAnswer =
        choices.length > 0 || hasUsage || event === undefined || event === 'message'
      if (isBehindDone ? !isUsageOnly : !isOfAnswer) return
      if (isUsageOnly && !includeUsage) return
      hasToldUsage ||= hasUsage

      let generated = 0
      let hasFinish = false
      for (let position = 0; position < choices.length; position++) {
        const choice = choices[position]
        if (!isRecord(choice)) continue
        const index = Number.isInteger(choice['index']) ? Number(choice['index']) : position
        begun.add(index)
        generated += countChoice(choice)
        const reason = choice['finish_reason']
        if (typeof reason !== 'string' || reason === '') continue
        hasFinish = true
        finished.add(index)
      }
      outputChars += generated

      const isEnd = hasFinish && finished.size >= begun.size
      const mustWait = isEnd || isUsageOnly || (held !== '' && generated === 0)
      if (mustWait) held += frameOf(data)
      else {
        write(held + frameOf(data))
        held = ''
      }
    },
    get running() {
      return running()
    },
    get isRunning() {
      return begun.size > finished.size
    },
    get hasToldUsage() {
      return hasToldUsage
    },
    get outputChars() {
      return outputChars
    },
    release() {
      const frames = held
      held = ''
      return frames
    },
  }
}

/** One frame, its data on as many lines as it came on. */
export function frameOf(data: string): string {
  return data.includes('\n')
    ? `data: ${data.replaceAll('\n', '\ndata: ')}\n\n`
    : `data: ${data}\n\n`
}
