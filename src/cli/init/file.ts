/** The first `synth.toml`: short, commented, and without a secret. */
import { ConfigError } from '../../config/config-error.ts'
import { formatKeyPath, type KeyPath } from '../../config/key-path.ts'
import { describeIssues } from '../../config/problems.ts'
import type { DialectSwitches } from '../../config/providers.ts'
import { ConfigSchema } from '../../config/schema.ts'
import { readToml } from '../../config/toml.ts'

export interface FirstConfig {
  readonly upstream: {
    readonly name: string
    readonly baseUrl: string
    readonly apiKeyEnv: string | undefined
    /** How its Chat Completions differ, where its address alone does not tell. */
    readonly switches: DialectSwitches
    readonly isLoopback: boolean
  }
  /** Undefined names none: clients then ask for the upstream's own names. */
  readonly model: FirstModel | undefined
  /** Decimal digits; 0 is no limit. */
  readonly limitCostUsd: string
}

export interface FirstModel {
  /** What clients ask for. */
  readonly name: string
  readonly upstreamModel: string
  readonly contextWindow: number | undefined
}

type Value = string | number | boolean | readonly string[]

const toToml = (value: Value): string => JSON.stringify(value)

/** A quoted string of JSON is one of TOML: what may be in it has been checked. */
const table = (path: KeyPath): string => `[${formatKeyPath(path)}]`

/** @throws {ConfigError} where the answers make no configuration */
export function renderFirstConfig(first: FirstConfig, file: string): string {
  const text = `${[
    '# Written by `synth init`. `synth doctor` tries it, `synth config check` checks it,',
    '# `synth config schema` and docs/config.md have every key.',
    '',
    ...upstreamLines(first),
    '',
    ...modelLines(first),
    '# The limits of a session that names none of its own; 0 is none.',
    '[session]',
    `limit_cost_usd = ${first.limitCostUsd}`,
  ].join('\n')}\n`
  const document = readToml(text, file)
  const parsed = ConfigSchema.safeParse(document.values)
  if (!parsed.success) {
    throw new ConfigError(describeIssues(parsed.error.issues, document, file))
  }
  return text
}

function upstreamLines({ upstream }: FirstConfig): string[] {
  const lines = [
    '# Where the model is served: /chat/completions is added to the address.',
    table(['upstreams', upstream.name]),
    `base_url = ${toToml(upstream.baseUrl)}`,
  ]
  if (upstream.apiKeyEnv !== undefined) {
    lines.push(
      '# The environment variable that holds the key. The key itself never stands here.',
      `api_key_env = ${toToml(upstream.apiKeyEnv)}`,
    )
  }
  for (const [key, value] of Object.entries(upstream.switches)) {
    if (value !== undefined) lines.push(`${key} = ${toToml(value)}`)
  }
  return lines
}

function modelLines({ upstream, model }: FirstConfig): string[] {
  const any = [
    '# Any other name goes through to the upstream unchanged.',
    '[models."*"]',
    `upstream = ${toToml(upstream.name)}`,
    '',
  ]
  if (model === undefined) return any
  const isRenamed = model.name !== model.upstreamModel
  return [
    '# What clients ask for, as in `synth codex --model NAME`.',
    table(['models', model.name]),
    `upstream = ${toToml(upstream.name)}`,
    ...(isRenamed ? [`model = ${toToml(model.upstreamModel)} # the upstream's own name`] : []),
    model.contextWindow === undefined
      ? '#context_window = 131072 # tokens; Codex compacts by it'
      : `context_window = ${model.contextWindow} # tokens; Codex compacts by it`,
    ...(upstream.isLoopback ? [] : PRICE_LINES),
    '',
    ...any,
  ]
}

const PRICE_LINES = [
  '# USD per million tokens. Without it the bundled price list decides; a model that has no price there',
  '# is refused while a cost limit is in force.',
  '#price = { input = "0.15", cached_input = "0.015", output = "0.60" }',
]
