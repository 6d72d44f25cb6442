/** Completion for fish, 3.0 and later. */
import { quoteFish, stepTo } from './shell-words.ts'
import type { CompletedCommand, CompletedOption } from './tree.ts'

export function renderFish(program: string, commands: readonly CompletedCommand[]): string {
  const at = `__${program.replaceAll('-', '_')}_at`
  const steps = commands
    .filter(({ path }) => path !== '')
    .map(
      ({ path }) =>
        `            case ${quoteFish(stepTo(path))}\n                set place ${quoteFish(path)}`,
    )
  const lines = commands.flatMap(({ path, words, options }) => {
    const condition = `-n ${quoteFish(`${at} ${quoteFish(path)}`)}`
    return [
      ...words.map(
        ({ name, summary }) =>
          `complete -c ${program} ${condition} -a ${quoteFish(name)} -d ${quoteFish(summary)}`,
      ),
      ...options.map(
        (option) =>
          `complete -c ${program} ${condition} ${flagsOf(option)} -d ${quoteFish(option.summary)}`,
      ),
    ]
  })
  return `# ${program} completion for fish. Save it as ~/.config/fish/completions/${program}.fish
function ${at} --description 'Whether the command line so far is that command'
    set -l place ''
    for word in (commandline -opc)[2..-1]
        # What follows "--" belongs to another program.
        test "$word" = --; and return 1
        switch "$place $word"
${steps.join('\n')}
        end
    end
    test "$place" = "$argv[1]"
end

complete -c ${program} -f
${lines.join('\n')}
`
}

function flagsOf({ names, value }: CompletedOption): string {
  const flags = names.map((name) =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  )
  return [...flags, ...valueFlags(value)].join(' ')
}

function valueFlags(value: CompletedOption['value']): string[] {
  if (value === 'none') return []
  if (value === 'file') return ['-r', '-F']
  if (value === 'folder') return ['-x', '-a', quoteFish('(__fish_complete_directories)')]
  if (value === 'other') return ['-x']
  return ['-x', '-a', quoteFish(value.join(' '))]
}
