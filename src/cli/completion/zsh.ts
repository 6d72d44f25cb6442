/** Completion for zsh. */
import { quotePosix, stepCases, valueCases } from './shell-words.ts'
import type { CompletedCommand, OptionValue } from './tree.ts'

export function renderZsh(program: string, commands: readonly CompletedCommand[]): string {
  const steps = stepCases(commands)
  const values = valueCases(commands, completeValue)
  const offers = commands.map(({ path, options, words }) => {
    const flags = options.flatMap(({ names, summary }) => names.map((name) => ({ name, summary })))
    return `    ${quotePosix(path)})\n${list('names', words)}\n${list('flags', flags)} ;;`
  })
  const name = `_${program.replaceAll('-', '_')}`
  return `#compdef ${program}
# ${program} completion for zsh. Put it into a folder of $fpath as ${name}, or load it with:
#   source <(${program} completion zsh)
${name}() {
  local place="" index
  local -a names flags
  for ((index = 2; index < CURRENT; index++)); do
    # What follows "--" belongs to another program.
    [[ $words[index] == "--" ]] && { _default; return }
    case "$place $words[index]" in
${steps.join('\n')}
    esac
  done

  case "\${place:+$place }$words[CURRENT-1]" in
${values.join('\n')}
  esac

  case "$place" in
${offers.join('\n')}
  esac
  if [[ $#names == 0 || $words[CURRENT] == -* ]]; then
    _describe option flags
  else
    _describe command names
  fi
}
if [[ $funcstack[1] == ${quotePosix(name)} ]]; then
  ${name} "$@"
else
  compdef ${name} ${program}
fi
`
}

function list(variable: string, entries: readonly { name: string; summary: string }[]): string {
  const lines = entries.map(({ name, summary }) => `        ${quotePosix(describe(name, summary))}`)
  return `      ${[`${variable}=(`, ...lines].join('\n')}\n      )`
}

function completeValue(value: OptionValue): string {
  if (value === 'file') return '_files'
  if (value === 'folder') return '_files -/'
  if (value === 'other') return '_message value'
  return `compadd -- ${value.map(quotePosix).join(' ')}`
}

const describe = (name: string, summary: string): string =>
  `${name.replaceAll(':', '\\:')}:${summary.replaceAll('\\', '\\\\')}`
