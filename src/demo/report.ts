/** What the demo prints: Codex's steps as they come, and how it ended. Text only, no terminal codes. */
import { basename } from 'node:path'
import type { CodexEvent, CodexExecResult } from '../codex/exec.ts'

export interface DemoSpend {
  readonly calls: number
  /** Plain decimal USD, as the session's JSON has them. */
  readonly spentUsd: string
  /** Undefined: no limit. */
  readonly limitUsd: string | undefined
}

/** The lines for one event of Codex; empty for those that show nothing. */
export function describeEvent(event: CodexEvent): string {
  const { item } = event
  if (event.type !== 'item.completed' || item === undefined) {
    return event.type === 'error' ? line('error', event.message ?? 'unknown') : ''
  }
  switch (item.type) {
    case 'agent_message':
      return line('says', item.text ?? '')
    case 'command_execution':
      return line('ran', `${bareCommand(item.command ?? '')} (exit ${item.exit_code ?? 'unknown'})`)
    case 'file_change':
      return (item.changes ?? [])
        .map((change) => line('patched', `${basename(change.path)} (${change.kind})`))
        .join('')
    case 'error':
      return line('error', item.message ?? 'unknown')
    default:
      return ''
  }
}

const line = (label: string, text: string) => `  ${label.padEnd(8)} ${text}\n`

/** Codex shows a command inside the shell call it makes: `/bin/bash -lc 'cat seed.txt'`. */
function bareCommand(command: string): string {
  return /^\S+ -l?c '(.*)'$/s.exec(command)?.[1] ?? command
}

/** The demo's last line. `calls` is what the model counted, used where no session did. */
export function describeFinish(
  exitCode: number | null,
  spend: DemoSpend | undefined,
  calls: number,
): string {
  const head = `Codex finished: exit ${exitCode ?? 'unknown'}, ${spend?.calls ?? calls} calls`
  if (spend === undefined) return head
  const limit = spend.limitUsd === undefined ? '' : ` of ${formatUsd(spend.limitUsd)}`
  return `${head}, spent ${formatUsd(spend.spentUsd)}${limit}`
}

const MIN_DECIMALS = 2
const MAX_DECIMALS = 4

/** `0.001234500` as `$0.0012`, `0.05` as `$0.05`: cents at least, hundredths of a cent at most. */
export function formatUsd(decimal: string): string {
  const [whole, fraction = ''] = Number(decimal).toFixed(MAX_DECIMALS).split('.')
  const shortened = fraction.replace(/0+$/, '').padEnd(MIN_DECIMALS, '0')
  return `$${whole}.${shortened}`
}

const STDERR_LINES = 12

/** Why the demo failed, with what Codex had to say about it. */
export function describeFailure(missing: readonly string[], result: CodexExecResult): string {
  const errors = result.events.flatMap(
    (event) => event.error?.message ?? (event.type === 'error' ? (event.message ?? []) : []),
  )
  const said = [...new Set([...errors, ...result.stray, ...lastLines(result.stderr)])]
  const heading = said.length > 0 ? ['', 'Codex said:'] : []
  return [
    '',
    'The demo failed:',
    ...missing.map((step) => `  - ${step}`),
    ...heading,
    ...said.map((text) => `  ${text}`),
    '',
  ].join('\n')
}

function lastLines(text: string): string[] {
  return text
    .split('\n')
    .filter((row) => row.trim() !== '')
    .slice(-STDERR_LINES)
}
