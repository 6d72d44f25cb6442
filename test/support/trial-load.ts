/**
 * Many rollouts at once: each registers a trial with a candidate of its own and makes its calls one after
 * the other, Chat and Responses, streaming and not, in turn. The upstream says back what it was told.
 */
import {
  answering,
  type HttpUpstream,
  startHttpUpstream,
  streaming,
  textFrames,
} from './http-upstream.ts'

export interface LoadResult {
  /** Calls whose answer was not the one of their own trial's candidate, with what came instead. */
  readonly wrong: readonly string[]
  /** Of each call, first byte to last, in milliseconds. */
  readonly callMs: readonly number[]
}

export interface LoadOptions {
  readonly bridgeUrl: string
  readonly sessionId: string
  readonly trials: number
  readonly callsPerTrial: number
}

/** Answers with the system's text. Its usage is that of `textFrames`: 7 tokens in, 3 out. */
export function startEchoUpstream(): Promise<HttpUpstream> {
  return startHttpUpstream((request, response) => {
    const messages = request.body['messages'] as { role: string; content: string }[]
    const text = messages.find(({ role }) => role === 'system')?.content ?? 'nobody'
    const message = { role: 'assistant', content: text }
    const whole = {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason: 'stop' }],
      usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
    }
    const answer =
      request.body['stream'] === true
        ? streaming(textFrames(text))
        : answering(200, JSON.stringify(whole))
    answer(request, response)
  })
}

async function postJson(url: string, body: unknown): Promise<string> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return answer.text()
}

export async function runTrials(options: LoadOptions): Promise<LoadResult> {
  const wrong: string[] = []
  const callMs: number[] = []
  const rollout = async (seed: number): Promise<void> => {
    const said = `the prompt of candidate ${seed}.`
    const registered = await postJson(`${options.bridgeUrl}/api/interceptor/v1/trials`, {
      seed,
      policy: { model: 'm' },
      session_id: options.sessionId,
      candidate: { strict: true, replacements: [{ apply_to_role: 'system', new_text: said }] },
    })
    const { trial_id: trialId } = JSON.parse(registered) as { trial_id: string }
    for (let call = 0; call < options.callsPerTrial; call++) {
      const isChat = (seed + call) % 2 === 0
      const tail = isChat ? 'chat/completions' : 'responses'
      const prompt = isChat
        ? {
            messages: [
              { role: 'system', content: 'baseline' },
              { role: 'user', content: 'hi' },
            ],
          }
        : { instructions: 'baseline', input: 'hi', store: false }
      const startMs = performance.now()
      const answer = await postJson(`${options.bridgeUrl}/api/interceptor/v1/${trialId}/${tail}`, {
        model: null,
        ...prompt,
        stream: call % 3 === 0,
      })
      callMs.push(performance.now() - startMs)
      if (!answer.includes(said)) wrong.push(answer.slice(0, 200))
    }
  }
  await Promise.all(Array.from({ length: options.trials }, (_, seed) => rollout(seed)))
  return { wrong, callMs }
}
