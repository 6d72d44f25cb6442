import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { BridgeError } from '../../src/errors.ts'
import { readJsonBody } from '../../src/server/request-body.ts'

const LIMITS = { maxBodyBytes: 10_000, maxInflatedBytes: 20_000 }

function requestOf(
  body: Buffer | string,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): IncomingMessage {
  const stream = Readable.from([Buffer.from(body)], { objectMode: false })
  return Object.assign(stream, { headers }) as unknown as IncomingMessage
}

async function read(body: Buffer | string, headers?: Record<string, string>): Promise<unknown> {
  try {
    return await readJsonBody(requestOf(body, headers), LIMITS)
  } catch (cause) {
    if (cause instanceof BridgeError) return `${cause.status} ${cause.code}`
    throw cause
  }
}

const JSON_TYPE = { 'content-type': 'application/json' }
const text = JSON.stringify({ input: 'hello' })

describe('encodings', () => {
  test.each([
    { encoding: 'gzip', body: gzipSync(text) },
    { encoding: 'deflate', body: deflateSync(text) },
    { encoding: 'br', body: brotliCompressSync(text) },
    { encoding: 'zstd', body: zstdCompressSync(text) },
    { encoding: 'identity', body: Buffer.from(text) },
    { encoding: 'GZIP', body: gzipSync(text) },
  ])('$encoding is unpacked', async ({ encoding, body }) => {
    expect(await read(body, { ...JSON_TYPE, 'content-encoding': encoding })).toEqual({
      input: 'hello',
    })
  })

  const bomb = Buffer.alloc(64 * 1024 * 1024, '[')
  test.each([
    { encoding: 'gzip', body: gzipSync(bomb), answer: '413 body_too_large' },
    { encoding: 'br', body: brotliCompressSync(bomb), answer: '413 body_too_large' },
    { encoding: 'zstd', body: zstdCompressSync(bomb), answer: '413 body_too_large' },
    { encoding: 'gzip', body: gzipSync(text).subarray(0, 12), answer: '400 invalid_json' },
    { encoding: 'zstd', body: Buffer.from('not zstd'), answer: '400 invalid_json' },
    { encoding: 'compress', body: Buffer.from(text), answer: '415 unsupported_media_type' },
    {
      encoding: 'gzip, gzip',
      body: gzipSync(gzipSync(text)),
      answer: '415 unsupported_media_type',
    },
    { encoding: 'constructor', body: Buffer.from(text), answer: '415 unsupported_media_type' },
  ])('$encoding of bad content is $answer', async ({ encoding, body, answer }) => {
    const limits = { maxBodyBytes: 100_000_000, maxInflatedBytes: 1_000_000 }
    const request = requestOf(body, { ...JSON_TYPE, 'content-encoding': encoding })
    await expect(
      readJsonBody(request, limits).catch((e: BridgeError) => `${e.status} ${e.code}`),
    ).resolves.toBe(answer)
  })
})

describe('what is refused', () => {
  test.each([
    { name: 'nothing', body: '', answer: '400 invalid_json' },
    { name: 'half an object', body: '{"a":', answer: '400 invalid_json' },
    {
      name: 'bytes that are not UTF-8',
      body: Buffer.from([0x22, 0xff, 0x22]),
      answer: '400 invalid_json',
    },
    { name: 'depth', body: `${'['.repeat(200)}${']'.repeat(200)}`, answer: '400 request_too_deep' },
    {
      name: 'depth that never closes',
      body: '[{"a":'.repeat(1000),
      answer: '400 request_too_deep',
    },
    { name: 'too many bytes', body: `"${'x'.repeat(10_001)}"`, answer: '413 body_too_large' },
  ])('$name', async ({ body, answer }) => {
    expect(await read(body)).toBe(answer)
  })

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    '%s, which a web page may send unasked',
    async (type) => {
      expect(await read(text, { 'content-type': type })).toBe('415 unsupported_media_type')
    },
  )

  test('a length that is declared too large, before any of it is read', async () => {
    expect(await read('{}', { ...JSON_TYPE, 'content-length': '10001' })).toBe('413 body_too_large')
  })
})

describe('what is taken', () => {
  test.each(['application/json; charset=utf-8', 'application/vnd.api+json', ''])(
    'content-type "%s"',
    async (type) => {
      expect(await read(text, type === '' ? {} : { 'content-type': type })).toEqual({
        input: 'hello',
      })
    },
  )

  test('brackets inside strings are no depth', async () => {
    const value = { a: `${'['.repeat(500)}\\"${'{'.repeat(500)}` }
    expect(await read(JSON.stringify(value))).toEqual(value)
  })

  test.each(['"__pr\\u006fto__"', '"\\u005f_proto__"', '"\\u005F\\u005f\\u0070roto__"'])(
    '%s is a prototype key too',
    async (key) => {
      expect(
        Object.hasOwn(Object(await read(`{${key}:{"polluted":true},"a":1}`)), '__proto__'),
      ).toBe(false)
    },
  )

  test('prototype keys go, and pollute nothing', async () => {
    const value = await read('{"__proto__":{"polluted":true},"a":{"__proto__":1,"b":2}}')
    expect(value).toEqual({ a: { b: 2 } })
    expect(Object.assign({}, value)).not.toHaveProperty('polluted')
  })
})

test('a client that leaves in the middle of its body is no fault of ours', async () => {
  const reset = Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
  const half = new Readable({ read() {} })
  half.push('{"a')
  const request = Object.assign(half, { headers: JSON_TYPE }) as unknown as IncomingMessage
  const reading = readJsonBody(request, LIMITS)
  half.destroy(reset)
  await expect(reading).rejects.toMatchObject({ code: 'invalid_json', cause: reset })
})
