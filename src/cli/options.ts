/** Options that several commands have, said in the same words everywhere. */
import { sep } from 'node:path'
import { InvalidArgumentError, Option } from 'commander'

export const configOption = (): Option =>
  new Option('--config <file>', 'configuration file (default: looked up, see docs/config.md)')

export const jsonOption = (): Option => new Option('--json', 'print JSON')

/** A whole number of seconds, at least 1. */
export function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (!/^\d{1,5}$/.test(text) || seconds < 1) {
    throw new InvalidArgumentError('It must be a whole number of seconds, at least 1.')
  }
  return seconds
}

export function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new InvalidArgumentError(
      'It must be a whole number from 0 to 65535; 0 takes a free port.',
    )
  }
  return port
}

/** Examples below a command's help, one a line. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`
}

export function toJsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** A path, or a `path:line`, the short way: without the folder everything is relative to. */
export function shortenPath(path: string, cwd: string): string {
  const folder = cwd.endsWith(sep) ? cwd : cwd + sep
  return path.startsWith(folder) ? path.slice(folder.length) : path
}
