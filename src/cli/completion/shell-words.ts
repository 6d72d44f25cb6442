/** Texts as the shells want them. */
import type { CompletedCommand, OptionValue } from './tree.ts'

/** For bash and zsh. */
export const quotePosix = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

export const quoteFish = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/**
 * What the scripts' loops compare: the command so far, a blank, the next word. `config check` is the
 * step from `config`; the step to `config` begins with nothing before its blank.
 */
export const stepTo = (path: string): string => (path.includes(' ') ? path : ` ${path}`)

/** The branches of bash's and zsh's `case` over the steps: which command the line is at. */
export const stepCases = (commands: readonly CompletedCommand[]): string[] =>
  commands
    .filter(({ path }) => path !== '')
    .map(({ path }) => `      ${quotePosix(stepTo(path))}) place=${quotePosix(path)} ;;`)

/** The branches over a command and the option before the cursor, where that takes a value. */
export const valueCases = (
  commands: readonly CompletedCommand[],
  completeValue: (value: OptionValue) => string,
): string[] =>
  commands.flatMap(({ path, options }) =>
    options.flatMap(({ names, value }) => {
      if (value === 'none') return []
      const patterns = names.map((name) => quotePosix(`${path} ${name}`.trimStart())).join('|')
      return [`    ${patterns}) ${completeValue(value)}; return ;;`]
    }),
  )
