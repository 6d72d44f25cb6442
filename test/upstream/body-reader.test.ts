import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../src/errors.ts'
import { BodyReader } from '../../src/upstream/body-reader.ts'

type Seen = string | { json: unknown } | { error: string }

function readAll(contentType: string, reads: readonly (string | Buffer)[]): Seen[] {
  const seen: Seen[] = []
  const reader = new BodyReader(contentType, {
    onMessage: (data, event) => seen.push(event === undefined ? data : `${event}|${data}`),
    onBody: (json) => seen.push({ json }),
  })
  try {
    for (const read of reads) reader.read(Buffer.from(read))
    reader.end()
  } catch (cause) {
    if (!(cause instanceof BridgeError)) throw cause
    seen.push({ error: cause.message })
  }
  return seen
}

const EVENTS = 'text/event-stream; charset=utf-8'

describe('a stream of events', () => {
  test.each([
    { name: 'plain frames', reads: ['data: a\n\ndata: b\n\n'], seen: ['a', 'b'] },
    { name: 'CRLF', reads: ['data: a\r\n\r\ndata: b\r\n\r\n'], seen: ['a', 'b'] },
    { name: 'a bare CR', reads: ['data: a\r\rdata: b\r\r'], seen: ['a', 'b'] },
    { name: 'leading blank lines', reads: ['\n\n\ndata: a\n\n'], seen: ['a'] },
    { name: 'a byte order mark', reads: ['\uFEFFdata: a\n\n'], seen: ['a'] },
    { name: 'comments', reads: [': PROCESSING\n\ndata: a\n\n:\n\n'], seen: ['a'] },
    { name: 'no space after the colon', reads: ['data:a\n\n'], seen: ['a'] },
    { name: 'an event name', reads: ['event: error\ndata: {}\n\n'], seen: ['error|{}'] },
    { name: 'several data lines', reads: ['data: a\ndata: b\n\n'], seen: ['a\nb'] },
    { name: 'a character cut by the network', reads: cut('data: é😀\n\n'), seen: ['é😀'] },
    {
      name: 'a whole last frame without its blank line',
      reads: ['data: [DONE]'],
      seen: ['[DONE]'],
    },
    { name: 'a cut last frame, which is dropped', reads: ['data: 1\n\ndata: {"a":'], seen: ['1'] },
  ])('$name', ({ reads, seen }) => {
    expect(readAll(EVENTS, reads)).toEqual(seen)
  })

  test('is recognised under another content type', () => {
    expect(readAll('application/json', ['da', 'ta: a\n\n'])).toEqual(['a'])
    expect(readAll('', [': hello\n\ndata: a\n\n'])).toEqual(['a'])
  })

  test('bytes that are not UTF-8 fail it', () => {
    expect(readAll(EVENTS, [Buffer.from([0x64, 0xff, 0xfe])])).toEqual([
      { error: "The upstream's answer holds bytes that are not UTF-8." },
    ])
  })

  test('a line without end fails it instead of filling the memory', () => {
    const megabyte = `data: ${'x'.repeat(1024 * 1024)}`
    const seen = readAll(EVENTS, [megabyte, ...Array(9).fill('x'.repeat(1024 * 1024))])
    expect(seen).toEqual([{ error: expect.stringContaining('longer than 8388608 characters') }])
  })
})

describe('one JSON body', () => {
  test('is parsed whole, whatever its content type says', () => {
    expect(readAll('application/json', ['{"a":', '1}'])).toEqual([{ json: { a: 1 } }])
    expect(readAll('text/plain', [' \n[1]'])).toEqual([{ json: [1] }])
  })

  test('that is broken fails with its beginning', () => {
    expect(readAll('application/json', ['{"a":'])).toEqual([
      { error: 'The upstream\'s answer is not valid JSON; it begins with "{"a":".' },
    ])
  })
})

describe('neither', () => {
  test.each([
    {
      name: 'a page of HTML, which is not shown,',
      read: '<!doctype html><title>Bad gateway</title>',
      shown: 'an HTML page',
    },
    { name: 'plain text', read: 'upstream connect error', shown: '"upstream connect error"' },
  ])('$name fails at its first bytes', ({ read, shown }) => {
    const is = 'is neither JSON nor a stream of events; it begins with'
    expect(readAll('text/html', [read])).toEqual([
      { error: `The upstream's answer ${is} ${shown}.` },
    ])
  })

  test('an empty body fails', () => {
    expect(readAll('application/json', [])).toEqual([
      { error: "The upstream's answer has an empty body." },
    ])
  })
})

function cut(text: string): Buffer[] {
  return [...Buffer.from(text)].map((byte) => Buffer.from([byte]))
}
