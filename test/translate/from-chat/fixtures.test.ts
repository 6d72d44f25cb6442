/**
 * One folder a case: `request.json` as a chat client sends it, `case.json` with why it is here and what
 * of the options differs, and two goldens: the Responses request and what was left out of it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parseResponsesRequest } from '../../../src/protocol/responses/request.ts'
import { type OptionChanges, translate } from './helpers.ts'

const ROOT = path.join(import.meta.dirname, '../../../fixtures/from-chat')
const cases = readdirSync(ROOT).sort()

interface Case {
  readonly why: string
  readonly options?: OptionChanges
}

const pretty = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

function run(name: string) {
  const read = (file: string) => JSON.parse(readFileSync(path.join(ROOT, name, file), 'utf8'))
  const { why, options }: Case = read('case.json')
  expect(why, `${name}/case.json says no why`).toBeTypeOf('string')
  return translate(read('request.json'), options)
}

test.each(cases)('%s is translated as its golden files say', async (name) => {
  const { responses, dropped } = run(name)
  const file = (base: string) => path.join(ROOT, name, base)
  await expect(pretty(responses)).toMatchFileSnapshot(file('responses-request.json'))
  await expect(pretty({ dropped })).toMatchFileSnapshot(file('outcome.json'))
})

test.each(cases)('%s is a request that this bridge would take itself', (name) => {
  expect(() => parseResponsesRequest(run(name).responses)).not.toThrow()
})

const shared = process.env['BRIDGE_SHARED']

/** Reasoning in plain text is an open model’s; audio is in OpenAI’s SDK, but not in its document. */
const NOT_IN_THE_DOCUMENT = ['media', 'reasoning-sealed']

describe.skipIf(shared === undefined)('(skipped without $BRIDGE_SHARED)', () => {
  test.each(cases.filter((name) => !NOT_IN_THE_DOCUMENT.includes(name)))(
    '%s satisfies OpenAI’s document',
    async (name) => {
      const library = pathToFileURL(path.join(shared ?? '', 'check/lib-validate.mjs')).href
      const { OA } = await import(library)
      expect(
        OA.check({ $ref: '#/components/schemas/CreateResponse' }, run(name).responses),
      ).toEqual([])
    },
  )
})
