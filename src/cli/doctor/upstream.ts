/**
 * One upstream, from whether anybody is there to whether a whole round with a tool goes through it.
 * Each check is only made where those before it leave it a chance.
 */

import { formatKeyPath } from '../../config/key-path.ts'
import { nearest } from '../../config/nearest.ts'
import type { BridgeError } from '../../errors.ts'
import type { ResolvedModel } from '../../gateway/models.ts'
import type { ModelCard } from '../upstream-listing.ts'
import type { Check } from './check.ts'
import { findToolCall, plainTurn, resultTurn, textOfOutput, toolTurn } from './conversation.ts'
import { nameInFile, type Patient } from './patients.ts'
import { checkPrice, type PriceOf } from './price.ts'
import { type ProbeDeps, type ProbeResult, runProbe } from './probe.ts'

export interface DiagnosisDeps extends ProbeDeps {
  readonly priceOf: PriceOf
  /** Whether a call can meet a limit in USD. */
  readonly isLimited: boolean
}

export async function diagnoseUpstream(patient: Patient, deps: DiagnosisDeps): Promise<Check[]> {
  const reachable = checkReachable(patient)
  const price = checkPrice(patient, deps.priceOf, deps.isLimited)
  if (reachable.status === 'failed') {
    return [reachable, ...skip(['key', 'model'], NOBODY), price, ...skip(CALLS, NOBODY)]
  }
  const { probed } = patient
  const unusable = checkKeyVariable(patient)
  if (unusable !== undefined) {
    return [reachable, unusable, ...skip(['model'], NO_KEY), price, ...skip(CALLS, NO_KEY)]
  }
  const model = checkModel(patient)
  if (probed === undefined) {
    return [
      reachable,
      ...skip(['key'], 'no call was made'),
      model,
      price,
      ...skip(CALLS, 'no model'),
    ]
  }
  const plain = await runProbe(plainTurn(probed.model.name), probed, deps)
  const key = checkKey(patient, plain.error)
  if (plain.error !== undefined) {
    const streams = describeFailure('streams', plain.error, patient, plain.tookMs)
    const isRefused = key.status === 'failed'
    const rest = isRefused
      ? skip(CALLS, 'the key')
      : [streams, ...skip(['tools', 'usage'], 'no answer')]
    return [reachable, key, model, price, ...rest]
  }
  const { check: tools, usages } = await checkTools(probed, patient, deps)
  const usage = checkUsage(probed, patient, [plain.usage, ...usages])
  return [reachable, key, model, price, checkStreams(plain), tools, usage]
}

const CALLS = ['streams', 'tools', 'usage']
const NOBODY = 'nobody answers'
const NO_KEY = 'no key'

const skip = (names: readonly string[], because: string): Check[] =>
  names.map((name) => ({ name, status: 'skipped', detail: because }))

export function checkReachable({ upstream, listing, listedInMs }: Patient): Check {
  const name = 'reachable'
  const tookMs = listedInMs
  switch (listing.is) {
    case 'listed': {
      const count = listing.cards.length
      return { name, status: 'ok', detail: `lists ${count} model${count === 1 ? '' : 's'}`, tookMs }
    }
    case 'unreachable':
      return { name, status: 'failed', detail: listing.error.message, tookMs }
    case 'foreign': {
      const { pathname } = new URL(upstream.baseUrl)
      const fix = /\/v\d+$/.test(pathname)
        ? 'Is base_url the address of a model server? Most end in /v1.'
        : `Most base URLs end in /v1: try base_url = ${JSON.stringify(`${upstream.baseUrl}/v1`)}.`
      return { name, status: 'failed', detail: listing.error.message, fix, tookMs }
    }
    case 'rejected': {
      const { status } = listing.error
      // Some servers have no list, and some keys may not see it: only calls show what that means.
      return { name, status: 'ok', detail: `answers, but lists no models (${status})`, tookMs }
    }
  }
}

/** Undefined where there is a key to try, or none is named. */
export function checkKeyVariable({ key }: Patient): Check | undefined {
  if (key.is !== 'unusable') return undefined
  const fix = `Set it in the environment of synth: export ${key.variable}=…`
  return { name: 'key', status: 'failed', detail: `$${key.variable} ${key.why}`, fix }
}

/** @param error how a question that needs the key was answered */
export function checkKey({ upstream, key }: Patient, error: BridgeError | undefined): Check {
  const name = 'key'
  if (error?.code === 'upstream_auth') {
    const table = formatKeyPath(['upstreams', upstream.name])
    const fix =
      key.is === 'none'
        ? `It wants a key: name the variable that holds it, api_key_env in [${table}].`
        : `Put a valid key into $${key.variable}.`
    return { name, status: 'failed', detail: error.message, fix }
  }
  if (error !== undefined) return { name, status: 'skipped', detail: 'no call went through' }
  const detail = key.is === 'none' ? 'none is wanted' : `accepted ($${key.variable})`
  return { name, status: 'ok', detail }
}

const cardsOf = ({ listing }: Patient): readonly ModelCard[] =>
  listing.is === 'listed' ? listing.cards : []

export function checkModel(patient: Patient): Check {
  const name = 'model'
  const { probed, upstream, configured } = patient
  const listed = cardsOf(patient).map(({ id }) => id)
  if (probed === undefined) {
    const example = `${upstream.name}/${listed[0] ?? 'NAME'}`
    const fix = `Say which to try: synth doctor --model ${example}`
    return { name, status: 'warning', detail: 'none is configured for it', fix }
  }
  const known = new Set(listed.flatMap((id) => [id, id.replace(/:latest$/, '')]))
  const missing = configured
    .map(({ upstreamModel: id }) => id)
    .find((id) => known.size > 0 && !known.has(id))
  if (missing !== undefined) {
    const meant = nearest(missing, listed)[0]
    const fix = meant === undefined ? undefined : `Did you mean ${JSON.stringify(meant)}?`
    return { name, status: 'warning', detail: `it lists no ${JSON.stringify(missing)}`, fix }
  }
  const { model, upstreamModel } = probed
  const isRenamed = model.name !== upstreamModel
  return { name, status: 'ok', detail: isRenamed ? `${model.name} (${upstreamModel})` : model.name }
}

function checkStreams({ isStreamed, firstMs, tookMs }: ProbeResult): Check {
  const name = 'streams'
  if (isStreamed) {
    const detail = `the first piece after ${Math.round(firstMs ?? tookMs)} ms`
    return { name, status: 'ok', detail, tookMs }
  }
  return {
    name,
    status: 'failed',
    detail: 'answers with one body, though a stream was asked for',
    fix: 'Turn streaming on at the server, or buffering off at the proxy before it. Without it nothing shows until an answer is whole.',
    tookMs,
  }
}

interface ToolsChecked {
  readonly check: Check
  readonly usages: readonly ProbeResult['usage'][]
}

const TOOLS_FIX =
  'Serve the model with tool calls on (vLLM: --enable-auto-tool-choice and --tool-call-parser; llama.cpp: --jinja; Ollama: a model tagged "tools"), or choose another. Codex can do nothing without them.'

async function checkTools(
  probed: ResolvedModel,
  patient: Patient,
  deps: ProbeDeps,
): Promise<ToolsChecked> {
  const { name: model } = probed.model
  const failed = (detail: string, tookMs: number): Check => ({
    name: 'tools',
    status: 'failed',
    detail,
    fix: TOOLS_FIX,
    tookMs,
  })
  const asked = await runProbe(toolTurn(model), probed, deps)
  if (asked.error !== undefined) {
    const check = describeFailure('tools', asked.error, patient, asked.tookMs)
    const isAboutTools = asked.error.code === 'upstream_rejected'
    return { check: isAboutTools ? { ...check, fix: TOOLS_FIX } : check, usages: [] }
  }
  const call = findToolCall(asked.output)
  if (call.is !== 'made') {
    const detail =
      call.is === 'wrong'
        ? `the model's call is no good: ${call.why}`
        : 'the model answered in words in place of the call'
    return { check: failed(detail, asked.tookMs), usages: [asked.usage] }
  }
  const answered = await runProbe(resultTurn(model, asked.output, call.callId), probed, deps)
  const tookMs = asked.tookMs + answered.tookMs
  if (answered.error !== undefined) {
    const check = describeFailure('tools', answered.error, patient, tookMs)
    const detail = `the call came, but not the answer to its result: ${check.detail}`
    return { check: { ...check, detail }, usages: [asked.usage] }
  }
  const usages = [asked.usage, answered.usage]
  if (textOfOutput(answered.output).trim() === '') {
    return { check: failed('the call came, but nothing was said of its result', tookMs), usages }
  }
  const detail = 'made a call and answered its result'
  return { check: { name: 'tools', status: 'ok', detail, tookMs }, usages }
}

function checkUsage(
  probed: ResolvedModel,
  patient: Patient,
  usages: readonly ProbeResult['usage'][],
): Check {
  const name = 'usage'
  const sent = usages.filter((usage) => usage !== undefined)
  if (sent.length === usages.length) {
    const input = sent.reduce((sum, { inputTokens }) => sum + inputTokens, 0)
    const output = sent.reduce((sum, { outputTokens }) => sum + outputTokens, 0)
    return { name, status: 'ok', detail: `sent: ${input} tokens in, ${output} out` }
  }
  const detail =
    sent.length === 0 ? 'none is sent' : `only ${sent.length} of ${usages.length} answers had it`
  if (probed.model.usage === 'estimate') {
    return { name, status: 'ok', detail: `${detail}; it is estimated, as configured` }
  }
  const table = formatKeyPath(['models', nameInFile(probed, patient)])
  const fix = `Set usage = "estimate" in [${table}]: without any, Codex does not know when to compact.`
  return { name, status: 'failed', detail, fix }
}

function describeFailure(
  name: string,
  error: BridgeError,
  patient: Patient,
  tookMs: number,
): Check {
  return { name, status: 'failed', detail: error.message, fix: adviceFor(error, patient), tookMs }
}

function adviceFor(error: BridgeError, patient: Patient): string | undefined {
  switch (error.code) {
    case 'upstream_quota':
      return 'Its account has no credit left: add some, or use another upstream.'
    case 'upstream_rate_limit':
      return 'Wait a minute and try again.'
    case 'upstream_idle_timeout':
      return 'It may be loading the model: try again, or wait longer with --timeout-s.'
    case 'model_not_found':
      return adviceForModel(patient)
    case 'upstream_rejected':
      return error.status === 404
        ? adviceForModel(patient)
        : 'docs/guide.md lists the switches of [upstreams.NAME] for servers that refuse a field.'
    default:
      return undefined
  }
}

function adviceForModel(patient: Patient): string {
  const listed = cardsOf(patient).map(({ id }) => id)
  const asked = patient.probed?.upstreamModel ?? ''
  const meant = nearest(asked, listed, 3)
  const shown = (meant.length > 0 ? meant : listed.slice(0, 3)).map((id) => JSON.stringify(id))
  const hint = shown.length === 0 ? '' : ` It lists ${shown.join(', ')}.`
  return `Check the model's name, and that base_url ends where /chat/completions begins.${hint}`
}
