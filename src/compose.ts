/** The one place where a configuration becomes live parts. */
import { createHash, randomBytes } from 'node:crypto'
import type { LoadedConfig } from './config/load.ts'
import { LOCAL_OWNER, ownerOf } from './config/owners.ts'
import type { ClientKeyConfig, Config } from './config/schema.ts'
import { upstreamSettings } from './config/settings.ts'
import type { BridgeError } from './errors.ts'
import { type CallDeps, type CallTiming, DEFAULT_TIMING, runCall } from './gateway/call.ts'
import { toLogText } from './gateway/log-text.ts'
import type { PlanDeps } from './gateway/plan.ts'
import { planChatCall } from './gateway/plan-chat.ts'
import { planResponsesCall } from './gateway/plan-responses.ts'
import { createRedactor } from './gateway/redact.ts'
import { UNMETERED } from './gateway/spending.ts'
import { createAesSeal } from './seal/aes-seal.ts'
import { loadSealKey } from './seal/key.ts'
import type { AccessKey } from './server/access.ts'
import { createApp } from './server/app.ts'
import { type Listening, listen } from './server/listen.ts'
import { newRequestId, systemClock, systemIds } from './system.ts'
import { createCatalog } from './upstream/catalog.ts'
import { createUpstreamClient } from './upstream/client.ts'
import { VERSION } from './version.ts'

/** How long running answers may take to end once the bridge is told to stop. */
const DRAIN_MS = 30_000

export interface BridgeEvent {
  readonly level: 'info' | 'warn' | 'error'
  readonly requestId: string | undefined
  readonly message: string
  readonly error?: BridgeError
}

export interface BridgeOptions {
  readonly loaded: LoadedConfig
  readonly env: Readonly<Record<string, string | undefined>>
  readonly timing?: Partial<CallTiming>
  readonly onEvent: (event: BridgeEvent) => void
}

export interface Bridge {
  readonly url: string
  /** Refuses new calls, lets running ones end, then stops. */
  close(): Promise<void>
}

/** Starts a bridge. @throws an `EADDRINUSE` and its like when it cannot listen. */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { loaded, env, onEvent } = options
  const { config } = loaded
  const redact = createRedactor(secretsOf(config, env))
  const models = createCatalog({ config, env, clock: systemClock, fetch })
  const upstream = createUpstreamClient(poolsOf(config))
  let isDraining = false

  const planDeps: PlanDeps = {
    models,
    seal: createAesSeal(loadSealKey(loaded.storage.stateDir, env)),
    ids: systemIds,
    nowMs: systemClock.nowMs,
    strict: config.server.strict,
    userAgent: `synth-bridge/${VERSION}`,
    redact,
  }
  const callDeps: CallDeps = {
    clock: systemClock,
    upstream,
    spending: UNMETERED,
    timing: { ...DEFAULT_TIMING, ...options.timing },
    random: Math.random,
    redact,
    log: ({ type, requestId, error }) =>
      onEvent({
        level: type === 'retry' ? 'warn' : 'error',
        requestId,
        message: `${type === 'retry' ? 'trying again after' : 'call failed with'} ${toLogText(error, redact)}`,
        error,
      }),
  }
  const app = createApp({
    models,
    keys: accessKeysOf(config, env),
    localCaller: { keyName: 'local', ...LOCAL_OWNER },
    limits: {
      maxBodyBytes: config.server.max_body_bytes,
      maxInflatedBytes: config.server.max_body_bytes,
    },
    version: VERSION,
    newRequestId,
    planResponses: (json, identity) => planResponsesCall(json, identity, planDeps),
    planChat: (json, identity) => planChatCall(json, identity, planDeps),
    run: (plan, client) => runCall(plan, client, callDeps),
    onError: (error, requestId) =>
      onEvent({
        level: error.info.origin === 'bridge' ? 'error' : 'warn',
        requestId,
        message: `refused with ${toLogText(error, redact)}`,
        error,
      }),
    isDraining: () => isDraining,
  })

  let server: Listening
  try {
    server = await listen(app, config.server.host, config.server.port)
  } catch (cause) {
    await upstream.close()
    throw cause
  }
  return {
    url: server.url,
    async close() {
      isDraining = true
      await server.close(DRAIN_MS)
      await upstream.close()
    },
  }
}

function poolsOf(config: Config): Record<string, { connectTimeoutMs: number }> {
  return Object.fromEntries(
    Object.entries(config.upstreams).map(([name, upstream]) => [
      name,
      { connectTimeoutMs: upstreamSettings(name, upstream).connectTimeoutMs },
    ]),
  )
}

function secretsOf(config: Config, env: BridgeOptions['env']): string[] {
  const variables = [
    ...Object.values(config.upstreams).map((upstream) => upstream.api_key_env),
    ...config.keys.map((key) => key.key_env),
  ]
  return variables.flatMap((name) => (name === undefined ? [] : (env[name] ?? [])))
}

/** Every key of `[[keys]]`: without any the bridge is open, so one that lacks its value must not go missing. */
function accessKeysOf(config: Config, env: BridgeOptions['env']): AccessKey[] {
  return config.keys.map((key) => ({
    keyName: key.name,
    ...ownerOf(key),
    sha256: hashOf(key, env) ?? unmatchableHash(),
  }))
}

function hashOf(key: ClientKeyConfig, env: BridgeOptions['env']): Buffer | undefined {
  if (key.sha256 !== undefined) return Buffer.from(key.sha256, 'hex')
  const clear = key.key_env === undefined ? undefined : env[key.key_env]
  return clear === undefined || clear === ''
    ? undefined
    : createHash('sha256').update(clear).digest()
}

/** The hash of no key that anybody has: the variable is not set, which was warned of. */
function unmatchableHash(): Buffer {
  return randomBytes(32)
}
