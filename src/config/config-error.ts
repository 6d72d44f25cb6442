/**
 * What is wrong with a configuration: every problem at once, each with its place and its cure. The
 * command line prints the message as it stands and exits with `exitCode`.
 */

export interface ConfigProblem {
  /** The file, or undefined where the problem is in a flag or in the environment. */
  readonly file: string | undefined
  /** The line in it, from 1; undefined where nothing in the file is at fault. */
  readonly line: number | undefined
  /** The key as one would write it in TOML (`models."gpt-5.1".price`), or '' for the whole file. */
  readonly key: string
  /** What is wrong and what would be right. Never holds a value that may be a secret. */
  readonly message: string
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly exitCode = 2
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[], cause?: unknown) {
    super(problems.map(formatProblem).join('\n'), cause === undefined ? undefined : { cause })
    this.problems = problems
  }
}

/** `file:line: key message`, the form that editors and terminals turn into a link. */
function formatProblem({ file, line, key, message }: ConfigProblem): string {
  const place = file === undefined ? '' : line === undefined ? `${file}: ` : `${file}:${line}: `
  return `${place}${key === '' ? '' : `${key} `}${message}`
}
