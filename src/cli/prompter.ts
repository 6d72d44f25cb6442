/** Questions to somebody at a terminal, as a port: the command asks, a terminal or a test answers. */

export interface Choice {
  readonly value: string
  readonly label: string
  /** Shown beside the choice the cursor is on. */
  readonly hint?: string
}

export interface ChoiceQuestion {
  readonly message: string
  readonly choices: readonly Choice[]
}

export interface TextQuestion {
  readonly message: string
  /** What an empty answer means. */
  readonly fallback: string
  /** Shown while nothing is typed. */
  readonly placeholder: string
  /** What is wrong with an answer, as a sentence; undefined accepts it. */
  readonly findFault: (answer: string) => string | undefined
}

export interface Prompter {
  begin(title: string): void
  say(text: string): void
  /** @throws {Cancelled} */
  choose(question: ChoiceQuestion): Promise<string>
  /** @throws {Cancelled} */
  ask(question: TextQuestion): Promise<string>
  end(text: string): void
}

/** Whoever was asked pressed Ctrl-C or Escape. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled'
}
