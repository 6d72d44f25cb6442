/** Ways in which bridges are wrong, and which rule of which cells has to notice. */
import type { RuleName } from '../../src/conformance/rules.ts'
import type { Event, ResponseBody, Spoiler } from './wrong-bridge.ts'

export interface Fault {
  readonly name: string
  /** What is tried, as `--only` has it. */
  readonly tries: readonly string[]
  /** Cells that must fail, or warn: all others that are tried must pass without this rule. */
  readonly caughtBy: readonly string[]
  readonly rule: RuleName
  readonly spoiler: Spoiler
}

const finalOf = (events: readonly Event[]): ResponseBody | undefined => events.at(-1)?.response

const changeFinal =
  (change: (response: ResponseBody) => void) =>
  (events: Event[]): undefined => {
    const final = finalOf(events)
    if (final !== undefined) change(final)
  }

const inBoth = (change: (response: ResponseBody) => void): Spoiler => ({
  events: changeFinal(change),
  body: (body) => {
    change(body)
    return body
  },
})

function callItCompleted(response: ResponseBody): void {
  response.status = 'completed'
  response.incomplete_details = null
  response.error = null
  for (const item of response.output) if (item.status !== undefined) item.status = 'completed'
}

function endAsCompleted(events: Event[]): Event[] {
  const kept = events.filter(({ type }) => type !== 'error')
  const last = kept.at(-1)
  if (last?.response === undefined) return kept
  last.type = 'response.completed'
  callItCompleted(last.response)
  for (const { type, item } of kept) {
    if (type === 'response.output_item.done' && item?.status) item.status = 'completed'
  }
  return kept
}

/** What a bridge does that closes whatever is open, however the answer ended. */
function closeOpenCalls(events: Event[]): Event[] | undefined {
  if (finalOf(events)?.status !== 'failed') return undefined
  const closed = new Set(
    events.flatMap(({ type, item }) => (type === 'response.output_item.done' ? item?.id : [])),
  )
  const closing = events.flatMap(({ type, item, output_index }): Event[] => {
    if (type !== 'response.output_item.added' || item?.type !== 'function_call') return []
    if (closed.has(item.id)) return []
    const text = events
      .filter((event) => event.item_id === item.id)
      .map(({ delta }) => delta ?? '')
      .join('')
    const place = { sequence_number: 0, ...(output_index === undefined ? {} : { output_index }) }
    const done = { ...item, status: 'completed', arguments: text }
    const argumentsDone = 'response.function_call_arguments.done'
    return [
      { ...place, type: argumentsDone, item_id: item.id, arguments: text },
      { ...place, type: 'response.output_item.done', item: done },
    ]
  })
  const end = events.findIndex(({ type }) => type === 'error' || type === 'response.failed')
  return events.toSpliced(end, 0, ...closing)
}

const streamed = (...endings: string[]) => endings.map((ending) => `${ending}/stream`)
const STOPS = [
  'stop/text/stream',
  'stop/tool/stream',
  'stop/parallel/stream',
  'stop/reasoning/stream',
]
const CALLS = ['stop/tool/stream', 'stop/parallel/stream']
const MESSAGES = ['stop/text/stream', 'stop/reasoning/stream']

const inStreams = (
  name: string,
  rule: RuleName,
  events: Spoiler['events'],
  caughtBy: readonly string[] = STOPS,
): Fault => ({
  name,
  tries: ['stop'],
  caughtBy,
  rule,
  spoiler: events === undefined ? {} : { events },
})

const onWire = (name: string, rule: RuleName, wire: NonNullable<Spoiler['wire']>): Fault => ({
  ...inStreams(name, rule, undefined),
  spoiler: { wire },
})

/** Faults of what an answer means: the endings. */
const ENDING_FAULTS: readonly Fault[] = [
  {
    name: 'tells a length cut as completed',
    tries: ['length', 'stop'],
    caughtBy: ['length'],
    rule: 'ending.status',
    spoiler: {
      events: (events) =>
        finalOf(events)?.status === 'incomplete' ? endAsCompleted(events) : undefined,
      body: (body) => {
        if (body.status === 'incomplete') callItCompleted(body)
        return body
      },
    },
  },
  {
    name: 'ends a body that was cut off as completed',
    tries: ['eof', 'error-frame', 'stop', 'length'],
    caughtBy: streamed('eof', 'error-frame'),
    rule: 'ending.status',
    spoiler: {
      events: (events) =>
        finalOf(events)?.status === 'failed' ? endAsCompleted(events) : undefined,
    },
  },
  {
    name: 'closes calls that were cut off as if they were whole',
    tries: ['eof/stream', 'reset/stream', 'stop', 'length'],
    caughtBy: ['eof', 'reset'].flatMap((ending) => [`${ending}/tool`, `${ending}/parallel`]),
    rule: 'ending.cut-call',
    spoiler: { events: closeOpenCalls },
  },
  {
    name: 'tells a filtered answer as too long',
    tries: ['content-filter', 'length'],
    caughtBy: ['content-filter'],
    rule: 'ending.reason',
    spoiler: inBoth(({ incomplete_details: details }) => {
      if (details !== null) details.reason = 'max_output_tokens'
    }),
  },
  {
    name: 'invents zeros for usage that was never sent',
    tries: ['stop-without-usage', 'stop'],
    caughtBy: ['stop-without-usage'],
    rule: 'said.usage',
    spoiler: inBoth((response) => {
      response.usage ??= { input_tokens: 0, output_tokens: 0, total_tokens: 0 }
    }),
  },
  {
    name: 'adds usage up',
    tries: ['finish-twice'],
    caughtBy: ['finish-twice'],
    rule: 'said.usage',
    spoiler: inBoth(({ usage }) => {
      if (usage === null) return
      for (const count of ['input_tokens', 'output_tokens', 'total_tokens'] as const) {
        usage[count] *= 2
      }
    }),
  },
  {
    name: 'stops reading at [DONE]',
    tries: ['usage-after-done'],
    caughtBy: ['usage-after-done'],
    rule: 'said.late-usage',
    spoiler: inBoth((response) => {
      response.usage = null
    }),
  },
  {
    name: 'gathers the whole answer before it sends any of it',
    tries: ['pause', 'stop'],
    caughtBy: ['pause'],
    rule: 'stream.live',
    spoiler: {},
  },
  {
    name: 'takes an upstream that slows it down for a broken one',
    tries: ['status-429', 'status-500'],
    caughtBy: ['status-429'],
    rule: 'http.status',
    spoiler: { refusal: ({ text }) => ({ status: 502, text }) },
  },
  {
    name: 'refuses without a word',
    tries: ['status-401', 'stop'],
    caughtBy: ['status-401'],
    rule: 'http.error-body',
    spoiler: { refusal: ({ status }) => ({ status, text: 'Unauthorized' }) },
  },
  {
    name: 'hides what the upstream said',
    tries: ['error-frame', 'eof'],
    caughtBy: streamed('error-frame'),
    rule: 'error.words',
    spoiler: {
      events: changeFinal(({ error }) => {
        if (error !== null) error.message = 'Something went wrong.'
      }),
    },
  },
  {
    name: 'shows a page as an error',
    tries: ['status-500', 'stop'],
    caughtBy: ['status-500'],
    rule: 'error.html',
    spoiler: {
      refusal: ({ status }) => ({
        status,
        text: JSON.stringify({ error: { message: '<html>Bad gateway</html>' } }),
      }),
    },
  },
  {
    name: 'fails a stream with another code than the upstream’s',
    tries: ['status-429/stream'],
    caughtBy: ['status-429/stream'],
    rule: 'error.code',
    spoiler: {
      contentType: 'text/event-stream',
      refusal: () => ({
        status: 200,
        text: 'event: response.failed\ndata: {"type":"response.failed","sequence_number":0,"response":{"status":"failed","error":{"code":"server_error","message":"Slow down."},"output":[]}}\n\n',
      }),
    },
  },
  {
    name: 'writes reasoning into the text',
    tries: ['stop/whole'],
    caughtBy: ['stop/reasoning/whole'],
    rule: 'said.reasoning',
    spoiler: {
      body: (body) => {
        const said = body.output.find(({ type }) => type === 'reasoning')?.summary?.[0]?.text ?? ''
        body.output = body.output.filter(({ type }) => type !== 'reasoning')
        const part = body.output[0]?.content?.[0]
        if (part !== undefined) part.text = said + part.text
        return body
      },
    },
  },
  {
    name: 'loses words',
    tries: ['stop/whole'],
    caughtBy: ['stop/text/whole', 'stop/reasoning/whole'],
    rule: 'said.text',
    spoiler: {
      body: (body) => {
        const part = body.output.at(-1)?.content?.[0]
        if (part !== undefined) part.text = part.text.slice(0, -1)
        return body
      },
    },
  },
  {
    name: 'keeps one of several calls',
    tries: ['stop/whole'],
    caughtBy: ['stop/parallel/whole'],
    rule: 'said.calls',
    spoiler: {
      body: (body) => {
        if (body.output[0]?.type === 'function_call') body.output.length = 1
        return body
      },
    },
  },
]

/** Faults of form, which any answer shows. */
const FORM_FAULTS: readonly Fault[] = [
  inStreams('never sends a terminal event', 'stream.terminal', (events) => events.slice(0, -1)),
  inStreams('sends the terminal event twice', 'stream.terminal', (events) =>
    events.concat(events.slice(-1)),
  ),
  inStreams(
    'counts every item as the first',
    'item.index',
    (events) => {
      for (const event of events) if (event.output_index !== undefined) event.output_index = 0
      return events
    },
    ['stop/parallel/stream', 'stop/reasoning/stream'],
  ),
  inStreams('loses a delta', 'text.sum', (events) =>
    events.toSpliced(
      events.findIndex(({ delta }) => delta !== undefined),
      1,
    ),
  ),
  inStreams(
    'cuts a character apart',
    'text.characters',
    (events) => {
      const index = events.findIndex(({ delta }) => delta?.includes('🍋') === true)
      const event = events[index]
      if (event?.delta === undefined) return events
      const cut = event.delta.indexOf('🍋') + 1
      const [head, tail] = [event.delta.slice(0, cut), event.delta.slice(cut)]
      return events.toSpliced(index, 1, { ...event, delta: head }, { ...event, delta: tail })
    },
    ['stop/text/stream'],
  ),
  inStreams('begins without response.created', 'stream.first', (events) => events.slice(1)),
  inStreams('says response.in_progress twice', 'stream.first', (events) =>
    events.toSpliced(1, 0, ...events.slice(1, 2)),
  ),
  inStreams('is completed in name only', 'stream.status', (events) => {
    const final = finalOf(events)
    if (final !== undefined) final.status = 'in_progress'
    return events
  }),
  inStreams('makes a new id for the end', 'stream.same-response', (events) => {
    const final = finalOf(events)
    if (final !== undefined) final.id = 'resp_other'
    return events
  }),
  inStreams('goes on behind an error', 'stream.error', (events) =>
    events.toSpliced(2, 0, { type: 'error', sequence_number: 0 }),
  ),
  inStreams('never adds an item', 'item.added', (events) =>
    events.filter(({ type }) => type !== 'response.output_item.added'),
  ),
  inStreams(
    'adds a call as completed',
    'item.added',
    (events) => {
      for (const { type, item } of events) {
        if (type === 'response.output_item.added' && item?.type === 'function_call') {
          item.status = 'completed'
        }
      }
      return events
    },
    CALLS,
  ),
  inStreams('never closes an item', 'item.done', (events) =>
    events.filter(({ type }) => type !== 'response.output_item.done'),
  ),
  inStreams('closes an item twice', 'item.done', (events) =>
    events.flatMap((event) =>
      event.type === 'response.output_item.done' ? [event, event] : event,
    ),
  ),
  inStreams('writes into an item behind its end', 'item.done', (events) => {
    const delta = events.find((event) => event.delta !== undefined)
    return delta === undefined ? events : events.toSpliced(-1, 0, delta)
  }),
  inStreams('gives an item another id when it closes', 'item.same', (events) => {
    for (const { type, item } of events) {
      if (type === 'response.output_item.done' && item !== undefined) item.id = 'other'
    }
    return events
  }),
  inStreams('names another item than the one at the index', 'item.place', (events) => {
    const event = events.find(({ delta }) => delta !== undefined)
    if (event !== undefined) event.item_id = 'other'
    return events
  }),
  inStreams(
    'never adds a part',
    'part.order',
    (events) => events.filter(({ type }) => !type.endsWith('_part.added')),
    MESSAGES,
  ),
  inStreams(
    'never closes a part',
    'part.order',
    (events) => events.filter(({ type }) => !type.endsWith('_part.done')),
    MESSAGES,
  ),
  inStreams('leaves an item out of the final output', 'output.same', (events) => {
    finalOf(events)?.output.pop()
    return events
  }),
  inStreams('ends with another item than it closed', 'output.same', (events) => {
    const item = finalOf(events)?.output.at(-1)
    if (item !== undefined) item.status = 'in_progress'
    return events
  }),
  inStreams('completes with an error', 'response.state', (events) => {
    const final = finalOf(events)
    if (final !== undefined) final.error = { code: 'server_error', message: 'No.' }
    return events
  }),
  inStreams(
    'gives two calls one id',
    'response.ids',
    (events) => {
      const items = events.flatMap(({ item }) => item ?? [])
      for (const item of [...items, ...(finalOf(events)?.output ?? [])]) {
        if (item.type === 'function_call') item.call_id = 'call_same'
      }
      return events
    },
    ['stop/parallel/stream'],
  ),
  inStreams('counts wrong', 'response.usage', (events) => {
    const usage = finalOf(events)?.usage
    if (usage) usage.total_tokens += 1
    return events
  }),
  inStreams('leaves a field out', 'response.fields', (events) => {
    delete finalOf(events)?.temperature
    return events
  }),
  onWire('numbers from 1', 'stream.sequence', (text) =>
    text.replaceAll(/"sequence_number":(\d+)/g, (_, n) => `"sequence_number":${Number(n) + 1}`),
  ),
  onWire('names no events', 'sse.event-name', (text) => text.replaceAll(/^event: .*\n/gm, '')),
  onWire('sends a frame that is no JSON', 'sse.json', (text) => `data: hello\n\n${text}`),
  onWire('leaves [DONE] out', 'sse.done', (text) => text.replace('data: [DONE]\n\n', '')),
  {
    ...inStreams('calls a stream plain text', 'http.content-type', undefined),
    spoiler: { contentType: 'text/plain' },
    caughtBy: ['stop'],
  },
  {
    name: 'hangs up',
    tries: ['stop/text/stream'],
    caughtBy: ['stop/text/stream'],
    rule: 'answered',
    spoiler: { alone: (response) => response.destroy() },
  },
  {
    name: 'answers all by itself',
    tries: ['stop/text/whole'],
    caughtBy: ['stop/text/whole'],
    rule: 'reached',
    spoiler: {
      alone: (response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
      },
    },
  },
]

export const FAULTS: readonly Fault[] = [...ENDING_FAULTS, ...FORM_FAULTS]
