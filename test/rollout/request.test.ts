import { describe, expect, test } from 'vitest'
import {
  type RolloutOrder,
  toBaseUrl,
  toRolloutBody,
  toSeedlessBody,
} from '../../src/rollout/request.ts'

const ORDER: RolloutOrder = {
  seed: 7,
  model: 'm',
  trialId: 'trial_1',
  correlationId: 'trace_1',
  inferenceUrl: 'http://127.0.0.1:4141/api/interceptor/v1/trial_1?cid=trace_1',
  environment: 'mail',
  maxSeconds: 60,
  fields: { system: 'Sort.' },
}

describe('the request', () => {
  test('sdk: every generation finds what it requires, and so does the flat form', async () => {
    await expect(`${JSON.stringify(toRolloutBody('sdk', ORDER), null, 2)}\n`).toMatchFileSnapshot(
      '../../fixtures/rollout/sdk-request.json',
    )
  })

  test('flat: nothing that a strict model does not know', () => {
    expect(toRolloutBody('flat', ORDER)).toEqual({
      seed: 7,
      inputs: {},
      policy_config: { inference_url: ORDER.inferenceUrl, model: 'm' },
    })
  })

  test('container: its own form, without a credential', () => {
    const policy = {
      provider: 'openai',
      model: 'm',
      base_url: 'http://127.0.0.1:4141/api/interceptor/v1/trial_1/trace_1',
      credential_mode: 'byok',
      tool_call_style: 'openai_chat',
    }
    const shared = { candidate: { system: 'Sort.' }, submission_mode: 'sync', policy }
    expect(toRolloutBody('container', ORDER)).toEqual({ seed: 7, ...shared })
    expect(toSeedlessBody(ORDER)).toEqual({ env: { seed: 7 }, ...shared })
  })

  test('an environment that nobody names is left out', () => {
    const { env } = toRolloutBody('sdk', { ...ORDER, environment: undefined })
    expect(env).toEqual({ config: {}, seed: 7 })
  })
})

test.each([
  ['http://h/api/interceptor/v1/T?cid=x', 'http://h/api/interceptor/v1/T/x'],
  ['http://h/api/interceptor/v1/T', 'http://h/api/interceptor/v1/T'],
  ['http://h/api/interceptor/v1/T/?cid=a%2Fb', 'http://h/api/interceptor/v1/T/a%2Fb'],
])('%s as a base URL', (given, base) => {
  expect(toBaseUrl(given)).toBe(base)
})
