/** The routes of the task app: who may call them, what they take and what they answer. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { DESKS, SPLITS } from './messages.ts'
import { askModel, ModelError, type Policy } from './model.ts'
import { deskIn, isSplit, messageOf, promptOf, rewardOf, TASK } from './task.ts'

type Json = Record<string, unknown>

const MAX_BODY_BYTES = 1024 * 1024

/** The caller's mistake, as its status and message. */
class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const objectOf = (value: unknown): Json => (isObject(value) ? value : {})
const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' ? value : undefined
const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** In any of the three headers, each of which may hold several, divided by commas. */
function hasKey({ headers }: IncomingMessage, key: string): boolean {
  const given = [headers['x-api-key'], headers['x-api-keys'], headers.authorization]
    .flatMap((value) => String(value ?? '').split(','))
    .map((value) => value.trim().replace(/^Bearer\s+/i, ''))
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return given.some((one) => timingSafeEqual(digest(one), digest(key)))
}

async function readJson(request: IncomingMessage): Promise<Json> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > MAX_BODY_BYTES) throw new Refusal(413, `The body is over ${MAX_BODY_BYTES} bytes.`)
    pieces.push(piece)
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(pieces).toString())
    if (isObject(body)) return body
  } catch {
    // Falls through: it is no object either way.
  }
  throw new Refusal(400, 'The body is no JSON object.')
}

/** Both places that callers put a policy in, and all the names that its URL has had. */
function policyOf(body: Json): Policy {
  const config = {
    ...objectOf(body['policy_config']),
    ...objectOf(objectOf(body['policy'])['config']),
  }
  const inferenceUrl =
    textOf(config['inference_url']) ?? textOf(config['api_base']) ?? textOf(config['base_url'])
  if (inferenceUrl === undefined || !URL.canParse(inferenceUrl)) {
    throw new Refusal(422, 'policy.config.inference_url: the URL to ask the model at is missing.')
  }
  return {
    inferenceUrl,
    model: textOf(config['model']),
    temperature: numberOf(config['temperature']),
    maxTokens: numberOf(config['max_completion_tokens']) ?? numberOf(config['max_tokens']),
  }
}

async function rollOut(body: Json): Promise<Json> {
  const env = objectOf(body['env'])
  const seed = numberOf(env['seed']) ?? numberOf(body['seed'])
  if (seed === undefined || !Number.isSafeInteger(seed) || seed < 0) {
    throw new Refusal(422, 'env.seed: it must be a whole number, at least 0.')
  }
  const split = objectOf(env['config'])['split'] ?? 'train'
  if (!isSplit(split)) {
    throw new Refusal(422, `env.config.split: it must be one of ${Object.keys(SPLITS).join(', ')}.`)
  }
  const policy = policyOf(body)
  const message = messageOf(split, seed)
  const messages = promptOf(message)
  const answer = await askModel(policy, messages)
  const reward = rewardOf(message, answer.text)
  return answerOf(body, { seed, policy, messages, answer, reward, expected: message.desk })
}

interface Played {
  readonly seed: number
  readonly policy: Policy
  readonly messages: readonly unknown[]
  readonly answer: Awaited<ReturnType<typeof askModel>>
  readonly reward: number
  readonly expected: string
}

/** In the words of every generation of callers. */
function answerOf(body: Json, played: Played): Json {
  const { seed, policy, messages, answer, reward, expected } = played
  const correlationId =
    textOf(body['trace_correlation_id']) ?? new URL(policy.inferenceUrl).searchParams.get('cid')
  const details = { expected, predicted: deskIn(answer.text) ?? null, seed }
  const step = {
    obs: { message: messages.at(-1) },
    tool_calls: [],
    reward,
    done: true,
    truncated: false,
    info: { ...details, meta: { inference_url: policy.inferenceUrl } },
  }
  return {
    run_id: body['run_id'] ?? null,
    trace_correlation_id: correlationId,
    reward_info: { outcome_reward: reward, outcome_objectives: { reward }, details },
    metrics: {
      outcome_objectives: { reward },
      outcome_reward: reward,
      mean_return: reward,
      episode_returns: [reward],
      num_steps: 1,
      num_episodes: 1,
      details,
    },
    trajectories: [
      {
        env_id: TASK.id,
        policy_id: policy.model ?? null,
        steps: [step],
        final: { observation: details },
        length: 1,
        inference_url: policy.inferenceUrl,
        trace_correlation_id: correlationId,
      },
    ],
    branches: {},
    aborted: false,
    ops_executed: 1,
    inference_url: policy.inferenceUrl,
    pipeline_metadata: {
      inference_url: policy.inferenceUrl,
      trace_correlation_id: correlationId,
    },
    trace: traceOf(messages, answer, correlationId),
  }
}

function traceOf(messages: readonly unknown[], answer: Played['answer'], cid: unknown): Json {
  return {
    schema_version: '4.0',
    event_history: [
      {
        type: 'lm_call',
        event_type: 'lm_call',
        timestamp: new Date().toISOString(),
        llm_request: { messages },
        llm_response: {
          message: { role: 'assistant', content: answer.text },
          usage: answer.usage,
          finish_reason: answer.finishReason,
        },
        api_format: 'chat',
        correlation_id: cid,
      },
    ],
    markov_blanket_message_history: [],
    metadata: { trace_correlation_id: cid, correlation_ids: { trace_correlation_id: cid } },
  }
}

/** Without a seed the task set, for one seed its task, for several a list. */
function taskInfo(seeds: readonly string[]): unknown {
  const sizes = Object.fromEntries(
    Object.entries(SPLITS).map(([split, messages]) => [split, messages.length]),
  )
  if (seeds.length === 0) return { taskset: { ...TASK, splits: sizes } }
  const tasks = seeds.map((seed) => ({
    task: TASK,
    environment: TASK.id,
    dataset: { id: TASK.id, name: TASK.name, splits: Object.keys(SPLITS), default_split: 'train' },
    rubric: { outcome: '1 for the right desk, else 0' },
    inference: {},
    limits: { max_turns: 1 },
    task_metadata: { seed: Number(seed), desks: DESKS },
  }))
  return tasks.length === 1 ? tasks[0] : tasks
}

/** @param key undefined lets everybody in */
export function createTaskApp(key: string | undefined) {
  async function answer(request: IncomingMessage): Promise<unknown> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const route = `${request.method === 'HEAD' ? 'GET' : request.method} ${pathname}`
    if (route === 'GET /') return { status: 'ok', service: TASK.id }
    if (route === 'GET /health') return { healthy: true, auth: { required: key !== undefined } }
    if (key !== undefined && !hasKey(request, key)) {
      throw new Refusal(401, 'The key is missing or wrong; it goes into the header X-API-Key.')
    }
    switch (route) {
      case 'GET /info':
        return { service: { task: TASK, version: TASK.version }, dataset: { id: TASK.id } }
      case 'GET /task_info':
        return taskInfo([...searchParams.getAll('seed'), ...searchParams.getAll('seeds')])
      case 'POST /rollout':
        return rollOut(await readJson(request))
      case 'POST /done':
        return { ok: true, service: TASK.id }
      default:
        throw new Refusal(404, `There is no route ${route}.`)
    }
  }

  return createServer(async (request, response) => {
    try {
      send(response, 200, await answer(request))
    } catch (cause) {
      const status =
        cause instanceof Refusal ? cause.status : cause instanceof ModelError ? 502 : 500
      const message = cause instanceof Error ? cause.message : String(cause)
      send(response, status, { error: { message } })
    }
  })
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
