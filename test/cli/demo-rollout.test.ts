/** `synth demo --rollout`, its parts real but for the bridge, which follows the written contract. */
import { expect, onTestFinished, test } from 'vitest'
import { loadForCli } from '../../src/cli/config.ts'
import type { CliContext } from '../../src/cli/context.ts'
import { demoRollout, type OpenDemoBridge } from '../../src/cli/demo-rollout.ts'
import { createTestCli } from '../support/cli.ts'
import { type FakeInterceptorOptions, startFakeInterceptor } from '../support/fake-interceptor.ts'

function stage() {
  const { cwd } = createTestCli()
  const said = { stdout: '', stderr: '' }
  const context: CliContext = {
    cwd,
    env: { HOME: cwd },
    isTerminal: false,
    stderrIsTerminal: false,
    columns: undefined,
    hasColors: false,
    fetch: globalThis.fetch,
    openPrompter: undefined,
    openScreen: undefined,
    interrupted: () => new Promise(() => {}),
    stdout: (text) => {
      said.stdout += text
    },
    stderr: (text) => {
      said.stderr += text
    },
  }
  return { context, said }
}

interface Candidate {
  readonly replacements: readonly { readonly old_text: string; readonly new_text: string }[]
}

/** Passes calls on to the model, with the candidate applied as the example's files have it. */
const bridgeOf =
  (answer?: FakeInterceptorOptions['answer']): OpenDemoBridge =>
  async (upstreamUrl, context) => {
    const bridge = await startFakeInterceptor({
      answer:
        answer ??
        (async ({ trialId, body }) => {
          const trial = bridge.trials.find(({ trial_id }) => trial_id === trialId)
          const candidate = trial?.['candidate'] as Candidate | undefined
          const first = candidate?.replacements[0]
          const text = JSON.stringify(body).replace(first?.old_text ?? '', first?.new_text ?? '')
          const response = await fetch(`${upstreamUrl}/chat/completions`, {
            method: 'POST',
            body: JSON.stringify({ ...JSON.parse(text), model: 'synth-demo' }),
          })
          return { body: (await response.json()) as Record<string, unknown> }
        }),
    })
    onTestFinished(() => bridge.close())
    const loaded = loadForCli({}, context)
    return {
      choice: { loaded, url: bridge.url, apiKeyEnv: undefined, model: 'synth-demo' },
      close: async () => {},
    }
  }

test('scores both candidates on the same seeds, and says which wins and what each cost', async () => {
  const { context, said } = stage()
  expect(await demoRollout(context, bridgeOf())).toBe(0)
  expect(said.stdout).toMatch(/short\.json +0\.55 +20 of 20 +\$/)
  expect(said.stdout).toMatch(/better\.json +0\.8 +20 of 20 +\$/)
  expect(said.stdout.trimEnd().split('\n').at(-1)).toMatch(
    /^better\.json wins: mean reward 0\.8 against 0\.55, for \$0\.\d+ against \$0\.\d+$/,
  )
  expect(said.stdout + said.stderr).not.toContain('sk_env_')
})

test('a seed that is not scored is a demo that failed', async () => {
  const { context, said } = stage()
  const failing = { status: 500, body: { error: { message: 'out of order' } } }
  await expect(
    demoRollout(
      context,
      bridgeOf(() => failing),
    ),
  ).rejects.toThrow('the demo failed')
  expect(said.stdout).toContain('out of order')
})
