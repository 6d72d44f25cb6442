/** What a plan sends upstream: the model's name and the limits that the configuration sets. */
import { describe, expect, test } from 'vitest'
import { planChatCall } from '../../src/gateway/plan-chat.ts'
import { planResponsesCall } from '../../src/gateway/plan-responses.ts'
import { IDENTITY } from './fakes.ts'
import { depsFor } from './plan-deps.ts'

const ROUTES = {
  'chat to chat': {
    wire: 'chat',
    plan: planChatCall,
    field: 'max_tokens',
    request: { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
    ask: 'max_tokens',
  },
  'chat to chat, in the newer word': {
    wire: 'chat',
    plan: planChatCall,
    field: 'max_completion_tokens',
    request: { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
    ask: 'max_completion_tokens',
  },
  'responses to responses': {
    wire: 'responses',
    plan: planResponsesCall,
    field: 'max_output_tokens',
    request: { model: 'm', input: 'hi' },
    ask: 'max_output_tokens',
  },
  'responses to chat': {
    wire: 'chat',
    plan: planResponsesCall,
    field: 'max_tokens',
    request: { model: 'm', input: 'hi' },
    ask: 'max_output_tokens',
  },
} as const

/** `sent` is the limit in the body; `held` the one that the budget counts with. */
const LIMITS = [
  { asked: 5000, ceiling: 1000, clamp: undefined, sent: 1000, held: 1000 },
  { asked: 5000, ceiling: 1000, clamp: 200, sent: 200, held: 1000 },
  { asked: 5000, ceiling: 1000, clamp: 2000, sent: 1000, held: 1000 },
  { asked: 500, ceiling: 1000, clamp: undefined, sent: 500, held: 500 },
  { asked: 500, ceiling: undefined, clamp: undefined, sent: 500, held: 500 },
  { asked: 500, ceiling: undefined, clamp: 200, sent: 200, held: 500 },
  { asked: undefined, ceiling: 1000, clamp: undefined, sent: undefined, held: 1000 },
  { asked: undefined, ceiling: 1000, clamp: 200, sent: 200, held: 1000 },
  { asked: undefined, ceiling: undefined, clamp: undefined, sent: undefined, held: undefined },
] as const

describe.each(Object.entries(ROUTES))('%s', (_name, route) => {
  test.each(LIMITS)(
    'asked $asked, configured $ceiling, clamped to $clamp: sends $sent',
    async ({ asked, ceiling, clamp, sent, held }) => {
      const json = { ...route.request, ...(asked === undefined ? {} : { [route.ask]: asked }) }
      const plan = await route.plan(json, IDENTITY, depsFor(route.wire, ceiling))
      const body = JSON.parse(plan.upstreamBody(clamp))
      const field = asked === undefined && route.wire === 'chat' ? 'max_tokens' : route.field
      expect(body[field]).toBe(sent)
      expect(plan.intent.maxOutputTokens).toBe(held)
      if (clamp === undefined) expect(plan.upstreamBody(clamp)).toBe(plan.intent.body)
    },
  )
})

test('a chat client that limits the output in both words is held to both', async () => {
  const json = { ...ROUTES['chat to chat'].request, max_tokens: 5000, max_completion_tokens: 700 }
  const plan = await planChatCall(json, IDENTITY, depsFor('chat', 1000))
  expect(JSON.parse(plan.upstreamBody(undefined))).toMatchObject({
    max_tokens: 1000,
    max_completion_tokens: 700,
  })
  expect(JSON.parse(plan.upstreamBody(300))).toMatchObject({
    max_tokens: 300,
    max_completion_tokens: 300,
  })
})
