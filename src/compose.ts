/** The one place where a configuration becomes live parts. */
import { codexCatalogue } from './codex/catalogue.ts'
import { type BridgeEvent, createTeller } from './compose/events.ts'
import {
  loadListedPrices,
  maxResponseBytes,
  maxTraceBytes,
  poolsOf,
  secretsOf,
} from './compose/settings.ts'
import type { LoadedConfig } from './config/load.ts'
import { otelSettings } from './config/otel.ts'
import { allowsNoSession, allowsUnregistered } from './config/settings.ts'
import { BridgeError } from './errors.ts'
import { createBudget } from './gateway/budget.ts'
import { createCalibrations } from './gateway/calibrations.ts'
import { runCall } from './gateway/call.ts'
import { type CallDeps, type CallTiming, DEFAULT_TIMING } from './gateway/call-deps.ts'
import { type CountDeps, countInputTokens } from './gateway/count-tokens.ts'
import { createLiveCalls } from './gateway/live-calls.ts'
import type { PlanDeps } from './gateway/plan.ts'
import { planChatCall } from './gateway/plan-chat.ts'
import { planCompactCall } from './gateway/plan-compact.ts'
import { planResponsesCall } from './gateway/plan-responses.ts'
import { planSocketTurn } from './gateway/plan-socket-turn.ts'
import { createPriceLookup } from './gateway/price-lookup.ts'
import { createRedactor } from './gateway/redact.ts'
import { sessionLimitsOf } from './gateway/session-limits.ts'
import { createBackground } from './gateway/state/background.ts'
import { guardStore } from './gateway/state/guarded-store.ts'
import { createHistory } from './gateway/state/history.ts'
import { createLeases } from './gateway/state/leases.ts'
import { startRetention } from './gateway/state/retention.ts'
import { createStoredConversations } from './gateway/state/stored-conversations.ts'
import { createStoredResponses } from './gateway/state/stored-responses.ts'
import { toFollowingRequest } from './gateway/state/tool-outputs.ts'
import type { StateDeps } from './gateway/state/turn-keeper.ts'
import { createTracing } from './gateway/trace/tracing.ts'
import { createTrials } from './gateway/trials.ts'
import { compileGrammars } from './grammar/compile-grammars.ts'
import { createAesSeal } from './seal/aes-seal.ts'
import { loadSealKey } from './seal/key.ts'
import { type AppDeps, createApp } from './server/app.ts'
import { accessKeysOf, callerOfOpener, LOCAL_CALLER } from './server/callers.ts'
import { type Listening, listen } from './server/listen.ts'
import { connectionLimits } from './server/socket/limits.ts'
import { createSockets } from './server/socket/sockets.ts'
import { openResponseStore, openStore, openTraces } from './store/open-store.ts'
import { newHoldId } from './store/random-ids.ts'
import { mintTrialId, newRequestId, randomHex, systemClock, systemIds } from './system.ts'
import type { CallLog } from './telemetry/call-log.ts'
import { createTelemetry } from './telemetry/telemetry.ts'
import { createCatalog } from './upstream/catalog.ts'
import { createUpstreamClient } from './upstream/client.ts'
import { VERSION } from './version.ts'

export type { BridgeEvent } from './compose/events.ts'
export type { CallLog } from './telemetry/call-log.ts'

const DRAIN_MS = 30_000

export interface BridgeOptions {
  readonly loaded: LoadedConfig
  readonly env: Readonly<Record<string, string | undefined>>
  readonly timing?: Partial<CallTiming>
  /** How long running answers may take to end once the bridge is told to stop. */
  readonly drainMs?: number
  readonly onEvent: (event: BridgeEvent) => void
  /** Told of every call that is over; then `onEvent` is not told of those that failed. */
  readonly onCall?: (call: CallLog) => void
}

export interface Bridge {
  readonly url: string
  /** Refuses new calls, lets running ones end, then stops. */
  close(): Promise<void>
}

/** Starts a bridge. @throws an `EADDRINUSE` and its like when it cannot listen. */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { loaded, env, onEvent, onCall } = options
  const { config } = loaded
  const secrets = secretsOf(config, env)
  const redact = createRedactor(secrets)
  const tell = createTeller(onEvent, redact)
  const models = createCatalog({ config, env, clock: systemClock, fetch })
  const upstream = createUpstreamClient(poolsOf(config))
  const seal = createAesSeal(loadSealKey(loaded.storage.stateDir, env))
  // After all that can refuse to start: from here on there is something to close.
  const store = await openStore(loaded.storage)
  const responses = guardStore(
    await openResponseStore(loaded.storage).catch(async (cause: unknown) => {
      await store.close()
      throw cause
    }),
  )
  const tracing = createTracing({
    store: await openTraces(loaded.storage, secrets).catch(async (cause: unknown) => {
      await Promise.all([responses.close(), store.close()])
      throw cause
    }),
    clock: systemClock,
    newTraceId: () => systemIds.next('trace'),
    hasContent: config.trace.content,
    isRequired: config.trace.required,
    maxAgeDays: config.trace.max_age_days,
    maxBytes: maxTraceBytes(loaded),
    redact,
    onFault: tell.tracesFailed,
    onLost: () => telemetry.metrics.tracesLost(1),
  })
  const leases = createLeases(responses, systemClock)
  const state: StateDeps = {
    store: responses,
    keepsResponses: config.responses.store,
    leases,
    clock: systemClock,
    ids: systemIds,
    onFault: tell.unkept,
  }
  let isDraining = false

  const planDeps: PlanDeps = {
    models,
    seal,
    history: createHistory(responses),
    state,
    ids: systemIds,
    nowMs: systemClock.nowMs,
    strict: config.server.strict,
    userAgent: `synth-bridge/${VERSION}`,
    compileGrammars,
    redact,
  }
  const calibrations = createCalibrations()
  const budget = createBudget({
    store,
    clock: systemClock,
    calibrations,
    newHoldId,
    priceOf: createPriceLookup(await loadListedPrices(config), systemClock),
    sessionLimits: sessionLimitsOf(config),
    mayOptOut: allowsNoSession(config),
    admissionWaitMs: config.session.admission_wait_ms,
    onWarning: tell.limitNear,
    onStoreFault: tell.storeFailed,
  })
  const startedAtMs = systemClock.nowMs()
  const telemetry = createTelemetry({
    models: Object.keys(config.models).filter((name) => name !== '*'),
    otel: otelSettings(config, env),
    version: VERSION,
    startedAtMs,
    clock: systemClock,
    fetch,
    randomHex,
    redact,
    census: () => calls.census(),
    onCall,
    onSpansUnsent: tell.spansUnsent,
    onFault: tell.lookingOnFailed,
  })
  const calls = createLiveCalls(systemClock, telemetry.watcher)
  const callDeps: CallDeps = {
    clock: systemClock,
    upstream,
    spending: budget,
    calls,
    traces: tracing.traces,
    timing: { ...DEFAULT_TIMING, ...options.timing },
    random: Math.random,
    redact,
    log: (event) => {
      if (event.type === 'retry' || onCall === undefined) tell.ofCall(event)
    },
  }
  const keys = accessKeysOf(config, env)
  const trials = createTrials({
    store,
    nowMs: systemClock.nowMs,
    mintTrialId,
    allowsUnregistered: allowsUnregistered(config),
    ownerOf: (trial) => callerOfOpener(trial, keys, null),
  })
  const background = createBackground({ call: callDeps, leases })
  const stored = createStoredResponses(state, background)
  const stopRetention = startRetention({
    store: responses,
    clock: systemClock,
    maxAgeDays: config.responses.max_age_days,
    maxBytes: maxResponseBytes(loaded),
    onFault: tell.retentionFailed,
  })
  const closeRest = async () => {
    stopRetention()
    await Promise.all([telemetry.close(), responses.close(), tracing.close(), store.close()])
  }
  const countDeps: CountDeps = {
    ...planDeps,
    upstream,
    calibrations,
    onUncounted: tell.uncounted,
  }
  const run: AppDeps['run'] = (plan, client) => runCall(plan, client, callDeps)
  const onError: AppDeps['onError'] = (error, requestId, route) => {
    telemetry.metrics.refused(route, error)
    tell.refused(error, requestId)
  }
  const { max_body_bytes: maxBodyBytes } = config.server
  const sockets = !config.server.websocket
    ? undefined
    : createSockets({
        clock: systemClock,
        newRequestId,
        plan: (turn, identity, memory) => planSocketTurn(turn, identity, memory, planDeps),
        run,
        onError: (error, requestId) => onError(error, requestId, 'responses-socket'),
        maxConnections: config.server.websocket_connections,
        limits: connectionLimits(config.server),
      })
  const app = createApp({
    models,
    keys,
    trials,
    localCaller: LOCAL_CALLER,
    store,
    calls,
    state: { responses: stored, conversations: createStoredConversations(state) },
    traces: { store: tracing.reader, nowMs: systemClock.nowMs },
    traceState: tracing.state,
    nowMs: systemClock.nowMs,
    startedAtMs,
    metrics: telemetry.metrics,
    upstreams: Object.keys(config.upstreams),
    limits: { maxBodyBytes, maxInflatedBytes: maxBodyBytes },
    version: VERSION,
    newRequestId,
    planResponses: (json, identity) => planResponsesCall(json, identity, planDeps),
    planCompact: (json, identity) => planCompactCall(json, identity, planDeps),
    countInputTokens: (json, identity) => countInputTokens(json, identity, countDeps),
    codexCatalogue: (listed) =>
      codexCatalogue(listed.map(({ id, contextWindow }) => ({ slug: id, contextWindow }))),
    planToolOutputs: async (json, responseId, identity) => {
      const followed = await stored.follow(identity.caller, responseId)
      const request = toFollowingRequest(json, responseId, followed)
      return planResponsesCall(request, identity, planDeps)
    },
    planChat: (json, identity) => planChatCall(json, identity, planDeps),
    run: (plan, client) =>
      plan.keeper?.isBackground === true
        ? background.start(plan, plan.keeper, client)
        : run(plan, client),
    sockets,
    onError,
    isDraining: () => isDraining,
  })

  let server: Listening
  try {
    server = await listen(app, config.server.host, config.server.port, sockets)
  } catch (cause) {
    await Promise.all([upstream.close(shuttingDown()), closeRest()])
    throw cause
  }
  return {
    url: server.url,
    async close() {
      isDraining = true
      const ended = shuttingDown()
      const drainMs = options.drainMs ?? DRAIN_MS
      await Promise.all([
        server.close(drainMs, () => void upstream.close(ended)),
        // Nobody need listen to them for them to run.
        within(drainMs, background.idle()),
      ])
      await upstream.close(ended)
      // What was broken off by that still says so in the store.
      await background.idle()
      await closeRest()
    },
  }
}

function within(limitMs: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = systemClock.after(limitMs, resolve)
    void work.finally(() => {
      cancel()
      resolve()
    })
  })
}

function shuttingDown(): BridgeError {
  return new BridgeError('shutting_down', 'The bridge was stopped before this answer had ended.')
}
