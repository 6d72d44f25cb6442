import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type OptionChanges, translate } from './helpers.ts'

/**
 * One folder a case: `request.json` as a client sends it, `case.json` with why it is here and what of
 * the options differs, and two goldens: the chat request and what was left out of it.
 */
const FOLDER = join(import.meta.dirname, '../../../fixtures/to-chat')

interface Case {
  readonly why: string
  readonly options?: OptionChanges
}

const pretty = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

test.each(readdirSync(FOLDER).sort())('%s is translated as its golden files say', async (name) => {
  const file = (base: string) => join(FOLDER, name, base)
  expect(existsSync(file('request.json')), `${name} has no request.json`).toBe(true)
  const { why, options }: Case = JSON.parse(readFileSync(file('case.json'), 'utf8'))
  expect(why, `${name}/case.json says no why`).toBeTypeOf('string')

  const request: object = JSON.parse(readFileSync(file('request.json'), 'utf8'))
  const { chat, dropped, stopped } = translate(request, options)

  await expect(pretty(chat)).toMatchFileSnapshot(file('chat-request.json'))
  await expect(
    pretty({ dropped, ...(stopped === undefined ? {} : { stopped }) }),
  ).toMatchFileSnapshot(file('outcome.json'))
})
