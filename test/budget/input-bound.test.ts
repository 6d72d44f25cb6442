import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  boundInputTokens,
  type Calibration,
  calibrate,
  measureRequest,
  UNCALIBRATED,
} from '../../src/budget/input-bound.ts'

const measure = (body: unknown) => {
  const text = JSON.stringify(body)
  return measureRequest(text, Buffer.byteLength(text))
}
const textOf = (textBytes: number) => ({ textBytes, mediaParts: 0, mediaTokens: 0 })
const user = (...content: unknown[]) => ({ model: 'm', messages: [{ role: 'user', content }] })

const BASE64 = 'QUJD'.repeat(30_000)
const PNG = `data:image/png;base64,${BASE64}`
const PDF = `data:application/pdf;base64,${BASE64}`

describe('what is not text', () => {
  const text = { type: 'text', text: 'what is this?' }
  const empty = (part: unknown) => Buffer.byteLength(JSON.stringify(user(text, part)))

  test.each([
    {
      name: 'an image',
      part: { type: 'image_url', image_url: { url: PNG, detail: 'high' } },
      bare: { type: 'image_url', image_url: { url: '', detail: 'high' } },
      tokens: 5120,
    },
    {
      name: 'an image whose detail comes first',
      part: { type: 'image_url', image_url: { detail: 'high', url: PNG } },
      bare: { type: 'image_url', image_url: { detail: 'high', url: '' } },
      tokens: 5120,
    },
    {
      name: 'an image of the Responses API',
      part: { type: 'input_image', image_url: PNG },
      bare: { type: 'input_image', image_url: '' },
      tokens: 5120,
    },
    {
      name: 'a small image, which may be as large on the screen',
      part: { type: 'input_image', image_url: 'data:image/png;base64,QUJD' },
      bare: { type: 'input_image', image_url: '' },
      tokens: 5120,
    },
    {
      name: 'sound',
      part: { type: 'input_audio', input_audio: { data: BASE64, format: 'mp3' } },
      bare: { type: 'input_audio', input_audio: { data: '', format: 'mp3' } },
      tokens: 1875,
    },
    {
      name: 'a file',
      part: { type: 'file', file: { filename: 'a.pdf', file_data: PDF } },
      bare: { type: 'file', file: { filename: 'a.pdf', file_data: '' } },
      tokens: 30_007,
    },
    {
      name: 'a small file, which may unpack to pages',
      part: { type: 'input_file', filename: 'a.pdf', file_data: 'data:;base64,QUJD' },
      bare: { type: 'input_file', filename: 'a.pdf', file_data: '' },
      tokens: 16_384,
    },
  ])('$name counts apart from the text', ({ part, bare, tokens }) => {
    expect(measure(user(text, part))).toEqual({
      textBytes: empty(bare),
      mediaParts: 1,
      mediaTokens: tokens,
    })
  })

  test.each([
    {
      name: 'an image that the upstream fetches',
      part: { image_url: { url: 'https://x.test/a.png' } },
      tokens: 5120,
    },
    {
      name: 'a file that the upstream keeps',
      part: { file: { file_id: 'file-1' } },
      tokens: 262_144,
    },
    {
      name: 'a file that the upstream fetches',
      part: { file_url: 'https://x.test/a.pdf' },
      tokens: 262_144,
    },
  ])('$name counts beside its address', ({ part, tokens }) => {
    const body = user(part)
    expect(measure(body)).toMatchObject({
      textBytes: Buffer.byteLength(JSON.stringify(body)),
      mediaTokens: tokens,
    })
  })

  test('each part counts, images in the outputs of tools too', () => {
    const image = { type: 'input_image', image_url: PNG }
    const body = { input: [{ type: 'function_call_output', output: [image, image, image] }] }
    expect(measure(body)).toMatchObject({ mediaParts: 3, mediaTokens: 3 * 5120 })
    expect(measure(body).textBytes).toBeLessThan(500)
  })

  test.each([
    { name: 'a text that is a data URL', part: { type: 'text', text: PNG } },
    {
      name: 'a text that quotes an image part',
      part: { type: 'text', text: JSON.stringify({ image_url: { url: PNG } }) },
    },
    { name: 'the arguments of a call', part: { arguments: JSON.stringify({ file_data: PDF }) } },
    {
      name: 'the schema of a tool with such a member',
      part: { properties: { image_url: { type: 'string' } } },
    },
  ])('$name is text to the last byte', ({ part }) => {
    const body = user(part)
    expect(measure(body)).toEqual(textOf(Buffer.byteLength(JSON.stringify(body))))
  })

  test('no text, whatever it says, takes anything off the bytes', () => {
    const tricky = fc.array(
      fc.constantFrom(
        '"image_url":',
        '{"url":"',
        PNG.slice(0, 40),
        '"file_data":"',
        '"',
        '\\',
        '}',
        'x',
        '\n',
        '\u2028',
      ),
    )
    fc.assert(
      fc.property(tricky, (pieces) => {
        const body = user({ type: 'text', text: pieces.join('') })
        expect(measure(body)).toEqual(textOf(Buffer.byteLength(JSON.stringify(body))))
      }),
    )
  })

  test('a body of megabytes is measured in one pass', () => {
    const body = JSON.stringify(user({ type: 'text', text: '"image_url":"data:'.repeat(200_000) }))
    expect(measureRequest(body, body.length).mediaParts).toBe(0)
  })
})

describe('the bound', () => {
  test('is a third of the bytes, rounded up, while nothing is known', () => {
    expect(
      [0, 1, 3, 4, 300_000].map((bytes) => boundInputTokens(textOf(bytes), UNCALIBRATED)),
    ).toEqual([0, 1, 1, 2, 100_000])
  })

  const observed = (...tokensPer1000Bytes: number[]): Calibration =>
    tokensPer1000Bytes.reduce<Calibration>(
      (calibration, tokens) => calibrate(calibration, textOf(1000), tokens),
      UNCALIBRATED,
    )

  test.each([
    { name: 'what the upstream reports, and a tenth', seen: [240], bound: 264_000 },
    { name: 'the densest of what it reported', seen: [220, 250, 230], bound: 275_000 },
    { name: 'a sixth at least', seen: [20], bound: 166_667 },
    { name: 'a byte a token at most', seen: [990], bound: 1_000_000 },
    { name: 'a byte a token, for an upstream that reports more', seen: [5000], bound: 1_000_000 },
    {
      name: 'the last eight answers only',
      seen: [900, 200, 200, 200, 200, 200, 200, 200, 200],
      bound: 220_000,
    },
  ])('is $name', ({ seen, bound }) => {
    expect(boundInputTokens(textOf(1_000_000), observed(...seen))).toBe(bound)
  })

  test('learns nothing from a request with media, or without text, or from no count', () => {
    const before = observed(240)
    expect(calibrate(before, { textBytes: 100, mediaParts: 1, mediaTokens: 5120 }, 1500)).toBe(
      before,
    )
    expect(calibrate(before, textOf(0), 10)).toBe(before)
    expect(calibrate(before, textOf(1000), 0)).toBe(before)
  })

  test('covers the request it has learnt from, and every shorter one of its density', () => {
    const sizes = fc.tuple(
      fc.integer({ min: 1, max: 10_000_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    )
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 100 }), ([bytes, density], divisor) => {
        const tokens = Math.floor(bytes * density)
        const calibration = calibrate(UNCALIBRATED, textOf(bytes), tokens)
        fc.pre(tokens > 0)
        expect(boundInputTokens(textOf(bytes), calibration)).toBeGreaterThanOrEqual(tokens)
        const part = Math.ceil(bytes / divisor)
        expect(boundInputTokens(textOf(part), calibration)).toBeGreaterThanOrEqual(
          Math.floor(part * density),
        )
      }),
    )
  })

  test('never falls when bytes are added', () => {
    const calibration = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { maxLength: 8 })
    fc.assert(
      fc.property(calibration, fc.nat(1e9), fc.nat(1e6), (known, bytes, more) => {
        expect(boundInputTokens(textOf(bytes + more), known)).toBeGreaterThanOrEqual(
          boundInputTokens(textOf(bytes), known),
        )
        expect(boundInputTokens(textOf(bytes), known)).toBeLessThanOrEqual(bytes)
      }),
    )
  })
})
