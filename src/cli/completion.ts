/** `synth completion`: a script that teaches a shell to complete the commands. */
import { Argument, type Command } from 'commander'
import { renderBash } from './completion/bash.ts'
import { renderFish } from './completion/fish.ts'
import { type CompletedCommand, listCommands } from './completion/tree.ts'
import { renderZsh } from './completion/zsh.ts'
import type { CliContext } from './context.ts'
import { examples } from './options.ts'

type Render = (program: string, commands: readonly CompletedCommand[]) => string

const SHELLS = { bash: renderBash, zsh: renderZsh, fish: renderFish } satisfies Record<
  string,
  Render
>

type Shell = keyof typeof SHELLS

export function addCompletionCommand(program: Command, context: CliContext): void {
  program
    .command('completion')
    .summary('print a completion script for a shell')
    .description('Prints a script that teaches bash, zsh or fish to complete commands and options.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      examples(
        'source <(synth completion bash)    # in ~/.bashrc',
        'source <(synth completion zsh)     # in ~/.zshrc, after compinit',
        'synth completion fish > ~/.config/fish/completions/synth.fish',
      ),
    )
    .action((shell: Shell) => {
      context.stdout(SHELLS[shell](program.name(), listCommands(program)))
    })
}
