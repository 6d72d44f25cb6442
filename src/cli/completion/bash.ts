/** Completion for bash, 3.2 (macOS) and later. */
import { quotePosix, stepCases, valueCases } from './shell-words.ts'
import type { CompletedCommand, OptionValue } from './tree.ts'

export function renderBash(program: string, commands: readonly CompletedCommand[]): string {
  const steps = stepCases(commands)
  const values = valueCases(commands, completeValue)
  const offers = commands.map(({ path, options, words }) => {
    const names = words.map(({ name }) => name).join(' ')
    const flags = options.flatMap((option) => option.names).join(' ')
    return `    ${quotePosix(path)}) words=${quotePosix(names)} flags=${quotePosix(flags)} ;;`
  })
  const name = `_${program.replaceAll('-', '_')}`
  return `# ${program} completion for bash. Load it with: source <(${program} completion bash)
${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  # "=" is a word of its own here: --config=FILE is three.
  if [[ $current == "=" ]]; then
    current=""
  elif [[ $previous == "=" ]]; then
    previous="\${COMP_WORDS[COMP_CWORD - 2]}"
  fi
  COMPREPLY=()

  local place="" index
  for ((index = 1; index < COMP_CWORD; index++)); do
    # What follows "--" belongs to another program.
    [[ \${COMP_WORDS[index]} == "--" ]] && { compopt -o default 2>/dev/null; return; }
    case "$place \${COMP_WORDS[index]}" in
${steps.join('\n')}
    esac
  done

  local IFS=$'\\n'
  case "\${place:+$place }$previous" in
${values.join('\n')}
  esac

  local words="" flags=""
  case "$place" in
${offers.join('\n')}
  esac
  [[ -z $words || $current == -* ]] && words="$flags"
  COMPREPLY=($(IFS=" " compgen -W "$words" -- "$current"))
}
complete -F ${name} ${program}
`
}

function completeValue(value: OptionValue): string {
  if (value === 'other') return ':'
  if (value === 'file' || value === 'folder') {
    const flag = value === 'file' ? '-f' : '-d'
    return `compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen ${flag} -- "$current"))`
  }
  return `COMPREPLY=($(IFS=" " compgen -W ${quotePosix(value.join(' '))} -- "$current"))`
}
