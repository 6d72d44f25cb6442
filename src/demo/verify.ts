/** Whether the demo really happened: every step, seen from where it leaves its trace. */
import type { CodexExecResult } from '../codex/exec.ts'
import { messageText, type ScriptedRequest } from './chat-request.ts'
import { DEMO_RESULT_FILE, demoGreeting } from './script.ts'

export interface DemoEvidence {
  readonly result: CodexExecResult
  /** What the model was asked, in order. */
  readonly requests: readonly ScriptedRequest[]
  /** Of the file that Codex was to write; undefined when there is none. */
  readonly content: string | undefined
  readonly seed: string
}

/** What did not happen, one sentence each; empty when all of it did. */
export function missingSteps(evidence: DemoEvidence): string[] {
  const { result, content, seed } = evidence
  const items = result.events
    .filter((event) => event.type === 'item.completed')
    .flatMap((event) => event.item ?? [])
  const outputs = (evidence.requests.at(-1)?.messages ?? [])
    .filter((message) => message.role === 'tool')
    .map(messageText)
  const missing: string[] = []
  const check = (happened: boolean, otherwise: string) => {
    if (!happened) missing.push(otherwise)
  }
  if (result.ending !== 'exited') missing.push(`Codex was stopped: ${result.ending}.`)
  else check(result.exitCode === 0, `Codex ended with exit code ${result.exitCode}, not 0.`)
  check(
    items.some((item) => item.type === 'command_execution' && item.exit_code === 0),
    'Codex ran no command that succeeded.',
  )
  check(
    items.some((item) => item.type === 'file_change' && item.status === 'completed'),
    'Codex applied no patch.',
  )
  check(
    outputs.some((output) => output.includes(seed)),
    "The command's output did not reach the model.",
  )
  check(
    outputs.some((output) => output.includes(DEMO_RESULT_FILE)),
    "The patch's result did not reach the model.",
  )
  if (content === undefined) missing.push(`${DEMO_RESULT_FILE} was not written.`)
  else check(content === demoGreeting(seed), `${DEMO_RESULT_FILE} does not hold what was asked.`)
  return missing
}
