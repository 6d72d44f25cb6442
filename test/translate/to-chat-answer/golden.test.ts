/**
 * What was on the wire, byte for byte: each folder of `fixtures/to-chat-answer` holds what a Responses
 * upstream sends (`upstream.sse`) and what a chat client gets (`chat.sse`, or `chat.json` for one that
 * does not stream). `case.json` says why it is here and what the request asked for.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { run } from './harness.ts'

const ROOT = path.join(import.meta.dirname, '../../../fixtures/to-chat-answer')
const cases = readdirSync(ROOT).toSorted()

const CaseSchema = z.strictObject({
  why: z.string().min(1),
  options: z
    .strictObject({
      streaming: z.boolean(),
      includeUsage: z.boolean(),
      obfuscate: z.boolean(),
      logprobs: z.boolean(),
    })
    .partial()
    .default({}),
})

const readCase = (name: string) =>
  CaseSchema.parse(JSON.parse(readFileSync(path.join(ROOT, name, 'case.json'), 'utf8')))

test.each(cases)('%s', async (name) => {
  const { options } = readCase(name)
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  )
  const { text } = run([readFileSync(path.join(ROOT, name, 'upstream.sse'), 'utf8')], given)
  const shown =
    options.streaming === false ? `${JSON.stringify(JSON.parse(text), null, 2)}\n` : text
  const golden = options.streaming === false ? 'chat.json' : 'chat.sse'
  await expect(shown).toMatchFileSnapshot(path.join(ROOT, name, golden))
})

test.each(cases)('%s holds an upstream, its answer, its reason, and nothing else', (name) => {
  const answer = readCase(name).options.streaming === false ? 'chat.json' : 'chat.sse'
  expect(readdirSync(path.join(ROOT, name)).toSorted()).toEqual(
    ['case.json', answer, 'upstream.sse'].toSorted(),
  )
})
