/** The queue of spans, with a clock that is moved by hand and a collector that is scripted. */
import { afterEach, describe, expect, test } from 'vitest'
import { createSpanExporter } from '../../src/telemetry/span-exporter.ts'
import { toSpan } from '../../src/telemetry/spans.ts'
import { FakeClock } from '../gateway/fakes.ts'
import { startOtlpCollector } from '../support/otlp-collector.ts'
import { reportOf } from './reports.ts'

type Reply = Response | Error

const fine = (body = '{}'): Response => new Response(body)
const busy = (retryAfter?: string): Response =>
  new Response('', {
    status: 503,
    ...(retryAfter === undefined ? {} : { headers: { 'retry-after': retryAfter } }),
  })
const away = new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') })

function start(...replies: (Reply | Promise<Reply>)[]) {
  const clock = new FakeClock()
  const posts: { url: string; init: RequestInit; spans: string[] }[] = []
  const counts = { exported: 0, dropped: 0 }
  const faults: string[] = []
  const answer: typeof fetch = async (url, init = {}) => {
    posts.push({ url: String(url), init, spans: JSON.parse(String(init.body)) })
    const reply = await (replies.shift() ?? fine())
    if (reply instanceof Error) throw reply
    return reply
  }
  const exporter = createSpanExporter({
    url: 'http://collector.test/v1/traces',
    headers: { authorization: 'Bearer x' },
    encode: (spans) => JSON.stringify(spans.map(({ name }) => name)),
    clock,
    fetch: answer,
    onSpans: (result, count) => {
      counts[result] += count
    },
    onFault: (why) => faults.push(why),
  })
  let made = 0
  const offer = (count = 1) => {
    for (let n = 0; n < count; n++) {
      const span = toSpan(reportOf(), {
        randomHex: (bytes) => '1'.repeat(bytes * 2),
        redact: String,
      })
      if (span !== undefined) exporter.offer({ ...span, name: String(made++) })
    }
  }
  return { clock, posts, counts, faults, exporter, offer }
}

test('spans of five seconds go together', async () => {
  const { clock, posts, counts, offer } = start()
  offer()
  await clock.advance(4_000)
  offer()
  expect(posts).toEqual([])
  await clock.advance(1_000)
  expect(posts).toMatchObject([
    {
      url: 'http://collector.test/v1/traces',
      init: {
        method: 'POST',
        redirect: 'manual',
        headers: { authorization: 'Bearer x', 'content-type': 'application/json' },
      },
      spans: ['0', '1'],
    },
  ])
  expect(counts).toEqual({ exported: 2, dropped: 0 })
  await clock.advance(60_000)
  expect([posts.length, clock.pendingCount]).toEqual([1, 0])
})

test('a full batch does not wait, and what is left follows', async () => {
  const { clock, posts, offer } = start()
  offer(600)
  await clock.advance(0)
  expect(posts.map(({ spans }) => spans.length)).toEqual([512])
  await clock.advance(5_000)
  expect(posts.map(({ spans }) => spans.length)).toEqual([512, 88])
})

describe('a collector that is away', () => {
  test('is tried again, longer each time, with the same spans; said once', async () => {
    const { clock, posts, counts, faults, offer } = start(away, busy(), busy('7'))
    offer()
    await clock.advance(5_000)
    await clock.advance(2_000)
    await clock.advance(3_999)
    expect(posts).toHaveLength(2)
    await clock.advance(1)
    await clock.advance(7_000)
    expect(posts.map(({ spans }) => spans)).toEqual([['0'], ['0'], ['0'], ['0']])
    expect(counts).toEqual({ exported: 1, dropped: 0 })
    expect(faults).toEqual(['connect ECONNREFUSED'])
  })

  test('is said anew once it had been there', async () => {
    const { clock, faults, offer } = start(away, fine(), busy(), fine())
    offer()
    await clock.advance(20_000)
    offer()
    await clock.advance(20_000)
    expect(faults).toEqual(['connect ECONNREFUSED', 'the collector answered 503'])
  })

  test('loses a batch after five tries, and the queue beyond its bound', async () => {
    const { clock, posts, counts, offer } = start(...Array.from({ length: 5 }, () => away))
    offer(3_000)
    expect(counts.dropped).toBe(3_000 - 2_048)
    await clock.advance(2_000 + 4_000 + 8_000 + 16_000 - 1)
    expect(posts).toHaveLength(4)
    // It is there again: what waits, full batches of it, waits no longer.
    await clock.advance(1)
    expect(counts).toEqual({ exported: 2_048 - 512, dropped: 3_000 - 2_048 + 512 })
  })

  test('is not pressed by spans that come meanwhile', async () => {
    const { clock, posts, offer } = start(away)
    offer(512)
    await clock.advance(0)
    offer(600)
    await clock.advance(1_999)
    expect(posts).toHaveLength(1)
  })
})

test.each([
  {
    name: 'a refusal',
    reply: new Response('', { status: 400 }),
    why: /answered 400$/,
    exported: 0,
  },
  {
    name: 'a redirect',
    reply: new Response('', { status: 307 }),
    why: /answered 307$/,
    exported: 0,
  },
  {
    name: 'a part refused',
    reply: fine('{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}'),
    why: /rejected 1 spans: too old$/,
    exported: 1,
  },
])('$name is not tried again', async ({ reply, why, exported }) => {
  const { clock, posts, counts, faults, offer } = start(reply)
  offer(2)
  await clock.advance(60_000)
  expect(posts).toHaveLength(1)
  expect(counts).toEqual({ exported, dropped: 2 - exported })
  expect(faults).toEqual([expect.stringMatching(why)])
})

test.each(['', 'ok', '<html>', '{"partialSuccess":{"rejectedSpans":"many"}}'])(
  'whatever a 200 says, it has the spans: %s',
  async (body) => {
    const { clock, counts, offer } = start(fine(body))
    offer()
    await clock.advance(5_000)
    expect(counts).toEqual({ exported: 1, dropped: 0 })
  },
)

describe('closing', () => {
  test('sends all that waits, at once', async () => {
    const { posts, counts, exporter, clock, offer } = start()
    offer(600)
    await clock.advance(0)
    await exporter.close()
    expect(posts.map(({ spans }) => spans.length)).toEqual([512, 88])
    expect(counts).toEqual({ exported: 600, dropped: 0 })
    offer()
    expect(counts.dropped).toBe(1)
    expect(clock.pendingCount).toBe(0)
  })

  test('waits two seconds for a collector that does not answer, and counts what is lost', async () => {
    const { clock, counts, exporter, offer } = start(new Promise(() => {}))
    offer(3)
    await clock.advance(5_000)
    let isClosed = false
    const closed = exporter.close().then(() => {
      isClosed = true
    })
    await clock.advance(1_999)
    expect(isClosed).toBe(false)
    await clock.advance(1)
    await closed
    expect(counts).toEqual({ exported: 0, dropped: 3 })
  })

  test('does not try again', async () => {
    const { posts, counts, exporter, offer } = start(away)
    offer(2)
    await exporter.close()
    expect(posts).toHaveLength(1)
    expect(counts).toEqual({ exported: 0, dropped: 2 })
  })
})

describe('over a real connection', () => {
  const running: { close(): Promise<void> }[] = []
  afterEach(async () => {
    await Promise.all(running.splice(0).map((part) => part.close()))
  })

  test('a collector that hangs is given up after ten seconds', async () => {
    let asked = () => {}
    const wasAsked = new Promise<void>((resolve) => {
      asked = resolve
    })
    const collector = await startOtlpCollector(() => asked())
    running.push(collector)
    const clock = new FakeClock()
    const faulty = Promise.withResolvers<string>()
    const exporter = createSpanExporter({
      url: `${collector.url}/v1/traces`,
      headers: {},
      encode: JSON.stringify,
      clock,
      fetch,
      onSpans: () => {},
      onFault: faulty.resolve,
    })
    const span = toSpan(reportOf(), { randomHex: (bytes) => '1'.repeat(bytes * 2), redact: String })
    if (span !== undefined) exporter.offer(span)
    await clock.advance(5_000)
    await wasAsked
    await clock.advance(10_000)
    expect(await faulty.promise).toBe('no answer in time')
  })
})
