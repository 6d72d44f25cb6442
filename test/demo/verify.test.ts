import { describe, expect, test } from 'vitest'
import type { CodexEvent } from '../../src/codex/exec.ts'
import { ScriptedRequestSchema } from '../../src/demo/chat-request.ts'
import { demoGreeting } from '../../src/demo/script.ts'
import { type DemoEvidence, missingSteps } from '../../src/demo/verify.ts'

const command = { type: 'command_execution', exit_code: 0 }
const patch = { type: 'file_change', status: 'completed' }
const completed = (item: NonNullable<CodexEvent['item']>) => ({ type: 'item.completed', item })
const asked = (...outputs: string[]) =>
  ScriptedRequestSchema.parse({
    messages: [
      { role: 'user', content: 'violet-7 greeting.txt' },
      ...outputs.map((content) => ({ role: 'tool', content })),
    ],
  })

const good: DemoEvidence = {
  result: {
    ending: 'exited',
    exitCode: 0,
    events: [completed(command), completed(patch)],
    stray: [],
    stderr: '',
  },
  requests: [asked('seed: violet-7', 'Success: A greeting.txt')],
  content: demoGreeting('violet-7'),
  seed: 'violet-7',
}

describe('missingSteps', () => {
  test('a whole demo misses nothing', () => {
    expect(missingSteps(good)).toEqual([])
  })

  test.each<{ name: string; change: Partial<DemoEvidence>; says: string }>([
    {
      name: 'Codex failed',
      change: { result: { ...good.result, exitCode: 1 } },
      says: 'exit code 1',
    },
    {
      name: 'Codex was killed by a signal',
      change: { result: { ...good.result, exitCode: null } },
      says: 'exit code null',
    },
    {
      name: 'Codex took too long',
      change: { result: { ...good.result, ending: 'timed out' } },
      says: 'timed out',
    },
    {
      name: 'the command failed',
      change: {
        result: {
          ...good.result,
          events: [completed({ ...command, exit_code: 1 }), completed(patch)],
        },
      },
      says: 'no command that succeeded',
    },
    {
      name: 'a command only started',
      change: {
        result: {
          ...good.result,
          events: [{ type: 'item.started', item: command }, completed(patch)],
        },
      },
      says: 'no command that succeeded',
    },
    {
      name: 'the patch failed',
      change: {
        result: {
          ...good.result,
          events: [completed(command), completed({ ...patch, status: 'failed' })],
        },
      },
      says: 'no patch',
    },
    {
      name: 'the seed reached the model only in the prompt',
      change: { requests: [asked('', 'A greeting.txt')] },
      says: 'command’s output did not reach',
    },
    {
      name: 'the result of the patch did not come back',
      change: { requests: [asked('seed: violet-7')] },
      says: 'patch’s result did not reach',
    },
    { name: 'there is no file', change: { content: undefined }, says: 'was not written' },
    {
      name: 'the file holds another seed',
      change: { content: demoGreeting('violet-8') },
      says: 'does not hold what was asked',
    },
  ])('$name: that alone is missing', ({ change, says }) => {
    const missing = missingSteps({ ...good, ...change })
    expect(missing).toHaveLength(1)
    expect(missing[0]?.replaceAll("'", '’')).toContain(says)
  })
})
