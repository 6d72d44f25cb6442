/** What there is to complete, read off the program itself, so that no list of commands is kept twice. */
import type { Command, Option } from 'commander'

/** What an option's value may be; a list holds all there are. */
export type OptionValue = 'file' | 'folder' | 'other' | readonly string[]

export interface CompletedOption {
  /** As typed: `--config`, `-h`. */
  readonly names: readonly string[]
  readonly summary: string
  readonly value: 'none' | OptionValue
}

export interface CompletedCommand {
  /** Below the program: `config check`; `''` is the program itself. */
  readonly path: string
  readonly summary: string
  readonly options: readonly CompletedOption[]
  /** Words that may stand here: the names of subcommands, or the choices of an argument. */
  readonly words: readonly { readonly name: string; readonly summary: string }[]
}

/** Every command, each before what is below it. */
export function listCommands(program: Command): CompletedCommand[] {
  const list: CompletedCommand[] = []
  const walk = (command: Command, path: readonly string[]): void => {
    const helper = command.createHelp()
    const below = helper.visibleCommands(command)
    list.push({
      path: path.join(' '),
      summary: command.summary(),
      options: helper.visibleOptions(command).map(toOption),
      words: [
        ...below.map((child) => ({
          name: child.name(),
          summary: child.summary() || child.description(),
        })),
        ...command.registeredArguments.flatMap(({ argChoices, description }) =>
          (argChoices ?? []).map((name) => ({ name, summary: description })),
        ),
      ],
    })
    // `help COMMAND` is commander's own, and has nothing below it that is worth completing.
    const own = below.filter((child) => command.commands.includes(child))
    for (const child of own) walk(child, [...path, child.name()])
  }
  walk(program, [])
  return list
}

function toOption(option: Option): CompletedOption {
  return {
    names: [option.long, option.short].flatMap((name) => name ?? []),
    summary: option.description,
    value: valueKindOf(option),
  }
}

function valueKindOf(option: Option): CompletedOption['value'] {
  if (option.argChoices !== undefined) return option.argChoices
  if (!option.required && !option.optional) return 'none'
  // What `--config <file>` calls its value says what it is.
  if (/<file>/.test(option.flags)) return 'file'
  return /<folder>/.test(option.flags) ? 'folder' : 'other'
}
