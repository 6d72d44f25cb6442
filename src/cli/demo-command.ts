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
      'Starts the bridge on a free port, a scripted model behind it, and the real Codex CLI on a throw-away folder, where Codex runs a command and applies a patch. With --rollout it scores two candidates for a small task in place of that, and says which wins. Needs no key and no network.',
    )
    .option('--rollout', 'score two candidates on 20 seeds of the example task app')
    .addHelpText('after', examples('synth demo', 'synth demo --rollout'))
    .action(async ({ rollout }: { readonly rollout?: boolean }) => {
      if (rollout === true) {
        const { demoRollout } = await import('./demo-rollout.ts')
        setExit(await demoRollout(context))
        return
      }
      const { demo } = await import('./demo.ts')
      setExit(await demo(context))
    })
}
