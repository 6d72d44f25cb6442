/** The recordings and what their oracle reads in them, when `BRIDGE_CORPUS` or `BRIDGE_SHARED` is set. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

export interface OracleAnswer {
  readonly text: string
  readonly reasoning: string
  readonly refusal: string
  readonly tool_calls: readonly {
    readonly id: string | null
    readonly name: string
    readonly arguments: string
    readonly custom?: boolean
  }[]
  readonly finish_reason: string | null
  readonly usage: OracleUsage | null
  readonly kind: 'stream' | 'body'
  readonly ended: string
  readonly error?: { readonly message: string | null }
}

export interface OracleUsage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly cached_tokens: number | null
  readonly reasoning_tokens: number | null
}

export interface Recording {
  readonly name: string
  readonly text: string
  readonly expected: OracleAnswer
}

function corpusFolder(): string | undefined {
  const shared = process.env['BRIDGE_SHARED']
  const named = process.env['BRIDGE_CORPUS'] ?? (shared && path.join(shared, 'corpus'))
  if (named === undefined || named === '') return undefined
  // Set and wrong is a mistake of the setup, not a reason to skip.
  if (!existsSync(path.join(named, 'expected.json'))) {
    throw new Error(`BRIDGE_CORPUS is ${named}, which holds no expected.json.`)
  }
  return named
}

export function chatRecordings(): Recording[] {
  const folder = corpusFolder()
  if (folder === undefined) return []
  const oracle: Record<string, OracleAnswer> = JSON.parse(
    readFileSync(path.join(folder, 'expected.json'), 'utf8'),
  )
  return Object.entries(oracle).map(([name, expected]) => ({
    name,
    text: readFileSync(path.join(folder, name), 'utf8'),
    expected,
  }))
}
