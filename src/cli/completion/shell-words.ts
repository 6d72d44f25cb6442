/** Texts as the shells want them. */

/** For bash and zsh. */
export const quotePosix = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

export const quoteFish = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/**
 * What the scripts' loops compare: the command so far, a blank, the next word. `config check` is the
 * step from `config`; the step to `config` begins with nothing before its blank.
 */
export const stepTo = (path: string): string => (path.includes(' ') ? path : ` ${path}`)
