/**
 * Questions on a real terminal, through @clack/prompts: maintained, 0.3 MB with its five small
 * dependencies, runs on every Node this package runs on (inquirer needs a later 22), and its streams can
 * be handed in.
 *
 * @see https://bomb.sh/docs/clack/packages/prompts/
 */
import type { Readable, Writable } from 'node:stream'
import { autocomplete, intro, log, outro, select, text } from '@clack/prompts'
import { Cancelled, type Prompter } from './prompter.ts'

/** A longer list is searched by typing instead of walked through. */
const MAX_WALKED_CHOICES = 12

export interface TerminalStreams {
  readonly input?: Readable
  readonly output?: Writable
}

function answered(answer: string | symbol): string {
  if (typeof answer === 'string') return answer
  throw new Cancelled('cancelled at a question')
}

export function createTerminalPrompter(streams: TerminalStreams = {}): Prompter {
  return {
    begin: (title) => intro(title, streams),
    say: (said) => log.message(said, streams),
    end: (said) => outro(said, streams),
    async choose({ message, choices }) {
      const options = choices.map((choice) => ({ ...choice }))
      if (choices.length <= MAX_WALKED_CHOICES) {
        return answered(await select({ message, options, ...streams }))
      }
      const maxItems = MAX_WALKED_CHOICES
      return answered(await autocomplete({ message, options, maxItems, ...streams }))
    },
    async ask({ message, fallback, placeholder, findFault }) {
      const answer = await text({
        message,
        placeholder,
        defaultValue: fallback,
        validate: (typed) => findFault(typed === undefined || typed === '' ? fallback : typed),
        ...streams,
      })
      return answered(answer).trim()
    },
  }
}
