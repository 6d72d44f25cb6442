/** `synth demo`: see it work. */
import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { examples } from './options.ts'

export function addDemoCommand(
  program: Command,
  context: CliContext,
  setExit: (code: number) => void,
): void {
  program
    .command('demo')
    .summary('see it work, offline, in under a minute')
    .description(
      'Starts the bridge on a free port, a scripted model behind it, and the real Codex CLI on a throw-away folder, where Codex runs a command and applies a patch. Needs no key and no network.',
    )
    .addHelpText('after', examples('synth demo'))
    .action(async () => {
      const { demo } = await import('./demo.ts')
      setExit(await demo(context))
    })
}
