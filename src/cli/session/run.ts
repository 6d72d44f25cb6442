/** `synth session …`: each command, from its flags to what it prints. */
import { formatQuantity, parseQuantity } from '../../budget/quantity.ts'
import { amountText, countText, leftText, limitLabel } from '../bridge/amounts.ts'
import { createBridgeApi, type RaiseRequest } from '../bridge/api.ts'
import type { LimitAnswer, SessionAnswer } from '../bridge/api-schemas.ts'
import { LIMIT_FLAGS, LIMITED_METRICS, type LimitFlags, limitsOf } from '../bridge/limits.ts'
import { type BridgeFlags, reachBridge } from '../bridge/reach.ts'
import { type CliContext, RefusedError, UsageError } from '../context.ts'
import { toJsonText } from '../options.ts'
import { createStyle } from '../style.ts'
import { toVisible } from '../visible.ts'
import { findSessionId } from './find.ts'
import { renderSession, renderSessionFields, renderSessions } from './render.ts'

interface OutputFlags extends BridgeFlags {
  readonly json?: boolean
}

export interface ListFlags extends OutputFlags {
  readonly status?: string
  readonly limit: number
}

export interface CreateFlags extends OutputFlags, LimitFlags {
  readonly active: boolean
  /** False with `--no-limit`. */
  readonly limit: boolean
  /** ISO 8601. */
  readonly expires?: string
}

export interface RaiseFlags extends OutputFlags, LimitFlags {
  readonly limitId?: string
}

/** Everything a command needs of the world, once. */
async function open(flags: OutputFlags, context: CliContext) {
  const { options, loaded } = await reachBridge(flags, context)
  const api = createBridgeApi(options)
  const view = {
    width: context.columns,
    style: createStyle(context.hasColors),
    nowMs: Date.now(),
  }
  const print = (lines: readonly string[]): void => {
    if (lines.length > 0) context.stdout(`${lines.join('\n')}\n`)
  }
  return { api, loaded, view, print }
}

/** @returns the exit code, as every command here does */
export async function listSessions(flags: ListFlags, context: CliContext): Promise<number> {
  const { api, view, print } = await open(flags, context)
  const sessions = await api.listSessions({
    limit: flags.limit,
    ...(flags.status === undefined ? {} : { status: flags.status }),
  })
  if (flags.json === true) context.stdout(toJsonText(sessions))
  else if (!context.isTerminal) print(sessions.map(renderSessionFields))
  else if (sessions.length === 0) print(['No sessions. Each opens with its first call.'])
  else print(renderSessions(sessions, view))
  return 0
}

export async function showSession(
  id: string,
  flags: OutputFlags,
  context: CliContext,
): Promise<number> {
  const { api, view, print } = await open(flags, context)
  const session = await api.showSession(await findSessionId(api, id))
  if (flags.json === true) context.stdout(toJsonText(session))
  else print(renderSession(session, view))
  return 0
}

export async function createSession(flags: CreateFlags, context: CliContext): Promise<number> {
  const named = LIMITED_METRICS.find((metric) => flags[LIMIT_FLAGS[metric].name] !== undefined)
  if (!flags.limit && named !== undefined) {
    throw new UsageError(`--no-limit and ${LIMIT_FLAGS[named].flag} contradict each other.`)
  }
  const { api, loaded, view, print } = await open(flags, context)
  const limits = flags.limit ? limitsOf(flags, loaded.config) : []
  if (limits.length === 0) {
    context.stderr('warning: this session has no limit: what it spends is bounded by nothing.\n')
  }
  const session = await api.createSession({
    limits,
    make_active: flags.active,
    ...(flags.expires === undefined ? {} : { expires_at: flags.expires }),
  })
  if (flags.json === true) context.stdout(toJsonText(session))
  else if (!context.isTerminal) print([toVisible(session.session_id)])
  else {
    const use = flags.active
      ? 'It takes your calls from now on.'
      : `It takes calls with the header X-Synth-Session-ID: ${toVisible(session.session_id)}`
    print([...renderSession(session, view), use])
  }
  return 0
}

export async function endSession(
  id: string,
  flags: OutputFlags,
  context: CliContext,
): Promise<number> {
  const { api, print } = await open(flags, context)
  const session = await api.endSession(await findSessionId(api, id))
  if (flags.json === true) context.stdout(toJsonText(session))
  else {
    const { cost_usd, tokens, api_calls } = session.current_usage
    print([
      `Ended ${toVisible(session.session_id)}: spent ${amountText('cost_usd', cost_usd, 'up')}, ${countText(tokens, 'token')}, ${countText(api_calls, 'call')}.`,
    ])
  }
  return 0
}

/** `25` is what the limit shall be, `+5` is how much it shall grow. */
const GROWTH = /^\+/

export async function raiseLimits(
  id: string,
  flags: RaiseFlags,
  context: CliContext,
): Promise<number> {
  const asked = LIMITED_METRICS.filter((metric) => flags[LIMIT_FLAGS[metric].name] !== undefined)
  if (asked.length === 0) {
    const names = LIMITED_METRICS.map((metric) => LIMIT_FLAGS[metric].flag).join(', ')
    throw new UsageError(`Say which limit to raise: ${names}.`)
  }
  if (flags.limitId !== undefined && asked.length > 1) {
    throw new UsageError('--limit-id is of one limit: give one --limit-… flag with it.')
  }
  const { api, print } = await open(flags, context)
  const session = await api.showSession(await findSessionId(api, id))
  // All are looked at before the first is raised.
  const raises = asked.map((metric) => planRaise(session, metric, flags))
  const raised: LimitAnswer[] = []
  for (const raise of raises) {
    const after = await api.raiseLimit(session.session_id, raise.request)
    raised.push(after)
    if (flags.json !== true) print([toRaisedText(session.session_id, raise.before, after)])
  }
  if (flags.json === true) context.stdout(toJsonText(raised))
  return 0
}

type LimitedMetric = (typeof LIMITED_METRICS)[number]

interface PlannedRaise {
  readonly before: LimitAnswer
  readonly request: RaiseRequest
}

function planRaise(session: SessionAnswer, metric: LimitedMetric, flags: RaiseFlags): PlannedRaise {
  const { name, flag } = LIMIT_FLAGS[metric]
  const text = flags[name] ?? ''
  const before = limitToRaise(session, metric, flags.limitId)
  const plan = (increase_by: string): PlannedRaise => ({
    before,
    request: { metric_type: metric, increase_by, limit_id: before.limit_id },
  })
  if (GROWTH.test(text)) return plan(text.replace(GROWTH, ''))
  const wanted = parseQuantity(metric, text)
  const present = parseQuantity(metric, before.limit_value)
  const by = wanted.ok && present.ok ? wanted.amount - present.amount : 0n
  if (by > 0n) return plan(formatQuantity(metric, by))
  const limit = amountText(metric, before.limit_value, 'exact')
  throw new UsageError(
    `${flag} ${text} is not above the limit there is, ${limit}. Give a larger one, or +${text} to add to it.`,
  )
}

function limitToRaise(
  session: SessionAnswer,
  metric: LimitedMetric,
  limitId: string | undefined,
): LimitAnswer {
  const limits = session.limits.filter(
    ({ metric_type, limit_id }) =>
      metric_type === metric && (limitId === undefined || limit_id === limitId),
  )
  const [only, ...others] = limits
  if (only === undefined) {
    const which = limitId === undefined ? '' : ` with the id ${toVisible(limitId)}`
    throw new RefusedError(
      `Session ${toVisible(session.session_id)} has no limit of ${LIMIT_FLAGS[metric].what}${which}, so there is none to raise.`,
    )
  }
  if (others.length === 0) return only
  const list = limits.map(
    (limit) =>
      `${toVisible(limit.limit_id)} (${limitLabel(limit)}, ${amountText(metric, limit.limit_value, 'exact')})`,
  )
  throw new UsageError(
    `The session has ${limits.length} limits of ${LIMIT_FLAGS[metric].what}. Name one with --limit-id: ${list.join(', ')}.`,
  )
}

function toRaisedText(sessionId: string, before: LimitAnswer, after: LimitAnswer): string {
  const textOf = ({ metric_type, limit_value }: LimitAnswer): string =>
    amountText(metric_type, limit_value, 'exact')
  return `Raised ${toVisible(sessionId)}: ${limitLabel(after)} from ${textOf(before)} to ${textOf(after)}, ${leftText(after)} left.`
}
