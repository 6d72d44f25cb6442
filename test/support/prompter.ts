/** Somebody at a terminal who gives these answers, and then presses Ctrl-C. */
import { Cancelled, type Prompter, type TextQuestion } from '../../src/cli/prompter.ts'

export interface ScriptedPrompter extends Prompter {
  /** The questions, with the values one could choose. */
  readonly asked: readonly string[]
  readonly said: readonly string[]
  /** Of the questions that took text. */
  readonly faultFinders: readonly TextQuestion['findFault'][]
}

/** @param answers `''` takes the fallback */
export function scriptedPrompter(answers: readonly string[]): ScriptedPrompter {
  const left = [...answers]
  const asked: string[] = []
  const said: string[] = []
  const faultFinders: TextQuestion['findFault'][] = []
  const next = (): string => {
    const answer = left.shift()
    if (answer === undefined) throw new Cancelled('no more answers')
    return answer
  }
  return {
    asked,
    said,
    faultFinders,
    begin: (title) => said.push(title),
    say: (text) => said.push(text),
    end: (text) => said.push(text),
    async choose({ message, choices }) {
      asked.push(`${message} ${choices.map(({ value }) => value.trim()).join(' | ')}`)
      const answer = next()
      if (!choices.some(({ value }) => value === answer)) throw new Error(`no choice: ${answer}`)
      return answer
    },
    async ask({ message, fallback, findFault }) {
      asked.push(message)
      faultFinders.push(findFault)
      const typed = next()
      const answer = typed === '' ? fallback : typed
      const fault = findFault(answer)
      if (fault !== undefined) throw new Error(`refused: ${answer}: ${fault}`)
      return answer
    },
  }
}
