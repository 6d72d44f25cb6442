/** The `openai` package on long conversations: over a WebSocket, compacted, and counted. */
import type {
  ResponseInputItem,
  ResponsesClientEvent,
  ResponsesServerEvent,
} from 'openai/resources/responses/responses'
import { ResponsesWS } from 'openai/resources/responses/ws'
import { describe, expect, onTestFinished, test } from 'vitest'
import { withDeadline } from '../e2e/harness/deadline.ts'
import { messageText } from '../e2e/harness/read-request.ts'
import { answer, fallsSilent, say } from '../e2e/harness/turns.ts'
import { openClient } from './openai.ts'
import { MODEL, type StageOptions } from './stage.ts'

const TURN_DEADLINE_MS = 5_000

describe('a WebSocket', () => {
  /** A connection, and the events of one turn after another on it. */
  async function connect(options: StageOptions) {
    const { stage, client } = await openClient(options)
    const socket = new ResponsesWS(client)
    onTestFinished(() => socket.close())
    const turn = (request: Omit<ResponsesClientEvent.ResponseCreate, 'type' | 'model'>) => {
      const events: ResponsesServerEvent[] = []
      const ended = new Promise<ResponsesServerEvent[]>((resolve, reject) => {
        const collect = (event: ResponsesServerEvent) => {
          events.push(event)
          if (!/^response\.(completed|incomplete|failed)$/.test(event.type)) return
          socket.off('event', collect)
          resolve(events)
        }
        socket.on('event', collect)
        socket.once('error', reject)
      })
      socket.send({ type: 'response.create', model: MODEL, ...request })
      return withDeadline('the turn', TURN_DEADLINE_MS, ended)
    }
    return { stage, socket, turn }
  }

  const finalOf = (events: readonly ResponsesServerEvent[]) => {
    const last = events.at(-1)
    if (last?.type !== 'response.completed') throw new Error(`${last?.type} comes last`)
    return last.response
  }

  test('carries turn after turn, each with what is new', async () => {
    const { stage, turn } = await connect({ script: [say('Hello, Ada.'), say('You are Ada.')] })
    const first = await turn({ input: 'I am Ada.', store: false })
    expect(first.flatMap((event) => ('delta' in event ? [event.delta] : []))).toEqual([
      ...['Hello, ', 'Ada.'],
    ])
    const second = await turn({
      input: 'Who am I?',
      store: false,
      previous_response_id: finalOf(first).id,
    })
    expect(finalOf(second).output).toMatchObject([{ content: [{ text: 'You are Ada.' }] }])
    expect(stage.upstream.requests[1]?.body.messages.map(messageText)).toEqual([
      ...['I am Ada.', 'Hello, Ada.', 'Who am I?'],
    ])
    expect(stage.sent).toEqual([])
  })

  test('says a used-up budget, and stays open', async () => {
    const { stage, socket, turn } = await connect({
      script: [say('Costly.', { prompt: 10_000, completion: 1_000 })],
      model: { price: { input: '1', output: '10' } },
      config: { session: { limit_cost_usd: '0.02' } },
    })
    await turn({ input: 'Hi.' })
    await expect(turn({ input: 'Again.' })).rejects.toThrow('budget of $0.02 is used up')
    expect(socket.socket.readyState).toBe(1)
    expect(stage.upstream.requests).toHaveLength(1)
  })

  test('that is closed lets the upstream go', async () => {
    const { stage, socket, turn } = await connect({ script: [fallsSilent('Thinking')] })
    void turn({ input: 'Hi.' }).catch(() => 'it never ends')
    const request = await withDeadline('the request', TURN_DEADLINE_MS, stage.upstream.arrival(0))
    socket.close()
    await withDeadline('the upstream’s connection to close', 2_000, request.closed)
  })
})

test('a compacted conversation goes on', async () => {
  const { stage, client } = await openClient({
    script: [say('Ada likes lemons.'), answer({ text: 'Lemons.' })],
  })
  const history: ResponseInputItem[] = [
    { role: 'user', content: 'I am Ada.' },
    { role: 'assistant', content: 'Hello, Ada.' },
    { role: 'user', content: 'I like lemons.' },
  ]
  const compacted = await client.responses.compact({ model: MODEL, input: history })
  expect(compacted.object).toBe('response.compaction')
  expect(compacted.output.map(({ type }) => type)).toContain('compaction')
  expect(compacted.usage.total_tokens).toBe(1_020)
  const response = await client.responses.create({
    model: MODEL,
    input: [
      ...(compacted.output as ResponseInputItem[]),
      { role: 'user', content: 'What do I like?' },
    ],
  })
  expect(response.output_text).toBe('Lemons.')
  const told = stage.upstream.requests[1]?.body.messages.map(messageText).join('\n')
  expect(told).toContain('Ada likes lemons.')
  expect(told).toMatch(/What do I like\?$/)
})

test('input tokens are counted without asking the model', async () => {
  const { stage, client } = await openClient({ script: [] })
  const count = (input: string) => client.responses.inputTokens.count({ model: MODEL, input })
  const [short, long] = await Promise.all([count('Hi.'), count('Hi. '.repeat(1_000))])
  expect(short).toMatchObject({ object: 'response.input_tokens' })
  expect(short.input_tokens).toBeGreaterThan(0)
  expect(long.input_tokens).toBeGreaterThan(short.input_tokens + 500)
  expect(stage.upstream.requests).toHaveLength(0)
})
