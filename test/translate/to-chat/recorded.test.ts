import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { translate } from './helpers.ts'

const shared = process.env['BRIDGE_SHARED']
const corpus =
  process.env['BRIDGE_CORPUS'] ?? (shared === undefined ? undefined : join(shared, 'corpus'))

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

describe.skipIf(corpus === undefined)(
  'requests as SDKs were recorded sending them (skipped without $BRIDGE_CORPUS)',
  () => {
    const folder = join(corpus ?? '', 'requests')
    const files = () => readdirSync(folder).filter((name) => name.startsWith('responses--'))

    test('are translated, each with its last user text in place', () => {
      expect(corpus === undefined ? [] : files().length).toBeGreaterThan(40)
      for (const name of files()) {
        const request = readJson(join(folder, name))
        // One recording kept only the format of its request.
        if (!isObject(request) || request['input'] === undefined) continue
        const { chat } = translate(request)
        const text = typeof request['input'] === 'string' ? request['input'] : lastUserText(request)
        expect(JSON.stringify(chat.messages), name).toContain(JSON.stringify(text).slice(1, -1))
      }
    })
  },
)

describe.skipIf(corpus === undefined)(
  'answers as OpenAI was recorded giving them (skipped without $BRIDGE_CORPUS)',
  () => {
    const folder = join(corpus ?? '', 'responses')
    const bodies = () => readdirSync(folder).filter((name) => name.endsWith('.json'))

    test('are read when they come back as history', () => {
      let items = 0
      for (const name of bodies()) {
        const body = readJson(join(folder, name))
        const output = isObject(body) && Array.isArray(body['output']) ? body['output'] : []
        const input = [{ role: 'user', content: 'Before.' }, ...output, user]
        expect(translate({ input }).chat.messages.at(-1), name).toEqual(user)
        items += output.length
      }
      expect(items).toBeGreaterThan(20)
    })
  },
)

describe.skipIf(shared === undefined)(
  'the golden chat requests (skipped without $BRIDGE_SHARED)',
  () => {
    test('satisfy OpenAI’s document', async () => {
      const library = pathToFileURL(join(shared ?? '', 'check/lib-validate.mjs')).href
      const { OA } = await import(library)
      const goldens = join(import.meta.dirname, '../../../fixtures/to-chat')
      for (const name of readdirSync(goldens)) {
        const chat = readJson(join(goldens, name, 'chat-request.json'))
        const schema = { $ref: '#/components/schemas/CreateChatCompletionRequest' }
        expect(OA.check(schema, chat), name).toEqual([])
      }
    })
  },
)

const user = { role: 'user', content: 'After.' }

function lastUserText(request: Readonly<Record<string, unknown>>): string {
  const items: unknown[] = Array.isArray(request['input']) ? request['input'] : []
  const texts = items.flatMap((item) =>
    isObject(item) && item['role'] === 'user' && typeof item['content'] === 'string'
      ? [item['content']]
      : [],
  )
  return texts.at(-1) ?? ''
}
