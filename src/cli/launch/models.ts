/**
 * Which model the client is to use, and whether it can be used, before anything is started: a wrong key
 * or a dead server is said here, and not by the client after its own retries. Nothing that is asked
 * costs money.
 */
import { z } from 'zod'
import { BUILTIN_MODEL } from '../../config/apply-discovery.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { resolveModel } from '../../config/models.ts'
import { systemClock } from '../../system.ts'
import { BridgeApiError } from '../bridge/api-error.ts'
import { ErrorAnswerSchema } from '../bridge/api-schemas.ts'
import { type CliContext, RefusedError, UsageError } from '../context.ts'
import type { Check } from '../doctor/check.ts'
import { callIn, type Patient } from '../doctor/patients.ts'
import { checkPrice, loadPriceOf } from '../doctor/price.ts'
import { checkKey, checkKeyVariable, checkModel, checkReachable } from '../doctor/upstream.ts'
import { toVisible } from '../visible.ts'
import type { LaunchBridge } from './bridge.ts'
import type { LaunchModel } from './client.ts'

export interface ModelChoice {
  /** `--model`, or what the client's own arguments name. */
  readonly wanted: string | undefined
  /** Whether the session will have a limit in USD. */
  readonly isCostLimited: boolean
}

export interface ChosenModels {
  readonly model: LaunchModel
  /** All that the client may be told of. */
  readonly models: readonly LaunchModel[]
}

/** A server that takes longer to say what it has is loading, or dead. */
const TIMEOUT_MS = 5_000
/** More names than that help nobody to choose. */
const MAX_SHOWN = 5

/** @throws {UsageError} for a model that is none, {RefusedError} for an upstream that will not do */
export async function chooseModels(
  bridge: LaunchBridge,
  choice: ModelChoice,
  context: CliContext,
): Promise<ChosenModels> {
  const { ready } = bridge
  if (ready === undefined || Object.hasOwn(ready.config.upstreams, BUILTIN_MODEL)) {
    return chooseOfBridge(bridge, choice.wanted, context)
  }
  const names = Object.keys(ready.config.models).filter((name) => name !== '*')
  const patient = await findPatient(ready, choice.wanted ?? names[0], context)
  const served = patient.probed
  if (served === undefined) throw new Error('a model without an upstream was chosen')
  await examine(patient, bridge, choice, context)
  const models = [served.model.name, ...names].map((name) => toModel(name, ready))
  const card =
    patient.listing.is === 'listed'
      ? patient.listing.cards.find(({ id }) => id === served.upstreamModel)
      : undefined
  const [model] = models
  if (model === undefined) throw new Error('no model was chosen')
  const known = { ...model, contextWindow: model.contextWindow ?? card?.contextWindow }
  return { model: known, models: [known, ...models.filter(({ name }) => name !== known.name)] }
}

function toModel(name: string, { config }: LoadedConfig): LaunchModel {
  const resolved = resolveModel(config, name)
  if (!resolved.ok) return { name, contextWindow: undefined, maxOutputTokens: undefined }
  const { contextWindow, maxOutputTokens } = resolved.model
  return { name, contextWindow, maxOutputTokens }
}

/** The upstream that serves the model; without one, the only upstream that offers just one. */
async function findPatient(
  ready: LoadedConfig,
  wanted: string | undefined,
  { env, fetch }: CliContext,
): Promise<Patient> {
  const { monotonicMs } = systemClock
  const patients = await callIn(ready, wanted, { env, fetch, timeoutMs: TIMEOUT_MS, monotonicMs })
  const [first, ...more] = patients.filter(({ probed }) => probed !== undefined)
  if (first !== undefined && more.length === 0) return first
  const [only] = patients
  if (only !== undefined && patients.length === 1 && only.listing.is !== 'listed') {
    throw toRefusal(only, [checkKeyVariable(only) ?? checkKeyOf(only), checkReachable(only)])
  }
  const offered = patients.flatMap(({ upstream, listing }) =>
    listing.is === 'listed' ? listing.cards.map(({ id }) => `${upstream.name}/${id}`) : [],
  )
  throw whichModel(offered)
}

function whichModel(offered: readonly string[]): UsageError {
  const shown = offered.slice(0, MAX_SHOWN).map((id) => JSON.stringify(toVisible(id)))
  const list = offered.length > MAX_SHOWN ? `${shown.join(', ')}, …` : shown.join(', ')
  const offers = shown.length === 0 ? 'None is listed.' : `There is ${list}.`
  return new UsageError(
    `Which model? Name one with --model, or give it a [models.NAME] in the configuration. ${offers}`,
  )
}

async function examine(
  patient: Patient,
  bridge: LaunchBridge,
  { isCostLimited }: ModelChoice,
  context: CliContext,
): Promise<void> {
  // One that runs already has the key that this terminal may lack.
  const isKeyElsewhere = bridge.origin === 'found' && patient.key.is === 'unusable'
  const price = checkPrice(patient, await loadPriceOf([patient], systemClock), isCostLimited)
  const checks = [
    checkReachable(patient),
    ...(isKeyElsewhere ? [] : [checkKeyVariable(patient) ?? checkKeyOf(patient)]),
    price,
  ]
  if (checks.some(({ status }) => status === 'failed')) throw toRefusal(patient, checks)
  const model = checkModel(patient)
  if (model.status !== 'warning') return
  const said = [`the upstream "${patient.upstream.name}": ${model.detail}.`, model.fix ?? '']
  context.stderr(`warning: ${said.join(' ').trim()}\n`)
}

const checkKeyOf = (patient: Patient): Check =>
  checkKey(patient, patient.listing.is === 'rejected' ? patient.listing.error : undefined)

function toRefusal({ upstream }: Patient, checks: readonly Check[]): RefusedError {
  const failed = checks.filter(({ status }) => status === 'failed')
  const lines = failed.flatMap(({ name, detail, fix }) => [
    `  ${name}: ${detail}`,
    ...(fix === undefined ? [] : [`    -> ${fix}`]),
  ])
  return new RefusedError(
    [
      `The upstream "${upstream.name}" (${upstream.baseUrl}) cannot be used, so nothing was started.`,
      ...lines,
      '"synth doctor" looks closer.',
    ].join('\n'),
  )
}

const ListSchema = z.object({
  data: z.array(z.looseObject({ id: z.string(), context_window: z.number().optional() })),
})

/** Asks the bridge what it offers, where its configuration is not known here. */
async function chooseOfBridge(
  { api, key }: LaunchBridge,
  wanted: string | undefined,
  { fetch }: CliContext,
): Promise<ChosenModels> {
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(`${api.url}/v1/models${path}`, {
      headers: key.apiKey === undefined ? {} : { authorization: `Bearer ${key.apiKey}` },
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((cause: unknown) => {
      const message = `The bridge at ${api.url} does not say which models it has.`
      throw new BridgeApiError('unreachable', message, { cause })
    })
    const json: unknown = await answer.json().catch(() => undefined)
    if (answer.ok) return json
    const said = ErrorAnswerSchema.safeParse(json).data?.error.message ?? `HTTP ${answer.status}`
    const error = `The bridge at ${api.url}: ${toVisible(said)}`
    throw answer.status === 404 ? new UsageError(`--model: ${error}`) : new RefusedError(error)
  }
  const listed = ListSchema.safeParse(await ask('')).data?.data ?? []
  const models = listed.map(
    ({ id, context_window }): LaunchModel => ({
      name: id,
      contextWindow: context_window,
      maxOutputTokens: undefined,
    }),
  )
  if (wanted === undefined) {
    const [only, ...more] = models
    if (only === undefined || more.length > 0) throw whichModel(models.map(({ name }) => name))
    return { model: only, models }
  }
  const known = models.find(({ name }) => name === wanted)
  if (known !== undefined) return { model: known, models }
  // It may be served without being listed.
  await ask(`/${wanted}`)
  const model = { name: wanted, contextWindow: undefined, maxOutputTokens: undefined }
  return { model, models: [model, ...models] }
}
