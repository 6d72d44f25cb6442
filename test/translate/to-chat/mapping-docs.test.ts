import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { ResponsesRequestSchema } from '../../../src/protocol/responses/request.ts'

/** Everything that the page names in `code`. */
const page = readFileSync(join(import.meta.dirname, '../../../docs/mapping.md'), 'utf8')
const named = new Set([...page.matchAll(/`([^`\n]+)`/g)].map(([, name]) => name))

describe('docs/mapping.md', () => {
  test.each(Object.keys(ResponsesRequestSchema.shape))(
    'says what becomes of the field %s',
    (field) => {
      const members = [...named].some((name) => name?.startsWith(`${field}.`))
      expect(named.has(field) || members).toBe(true)
    },
  )
})

const shared = process.env['BRIDGE_SHARED']

describe.skipIf(shared === undefined)(
  'docs/mapping.md, beside OpenAI’s document (skipped without $BRIDGE_SHARED)',
  () => {
    test.each([
      ['InputItem', 'item'],
      ['InputContent', 'content part'],
      ['Tool', 'tool'],
      ['ToolChoiceParam', 'tool choice'],
    ])('says what becomes of every %s (%s)', async (schema) => {
      const library = pathToFileURL(join(shared ?? '', 'check/lib-validate.mjs')).href
      const { OA } = await import(library)
      const types = typesOf(OA, { $ref: `#/components/schemas/${schema}` })
      expect(types.length).toBeGreaterThan(2)
      expect(types.filter((type) => !named.has(withoutDate(type)))).toEqual([])
    })

    test('says what becomes of every field', async () => {
      const library = pathToFileURL(join(shared ?? '', 'check/lib-validate.mjs')).href
      const { OA } = await import(library)
      const fields = fieldsOf(OA, { $ref: '#/components/schemas/CreateResponse' })
      expect(fields).toContain('temperature')
      const known = [...named].map((name) => name?.split('.')[0])
      expect(fields.filter((field) => !known.includes(field))).toEqual([])
    })
  },
)

interface Schema {
  readonly $ref?: string
  readonly allOf?: readonly Schema[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly enum?: readonly string[]
}

interface Document {
  deref(schema: Schema): Schema
}

/** `web_search_preview_2025_03_11` is another spelling of `web_search_preview`. */
function withoutDate(type: string): string {
  return type.replace(/_\d{4}_\d{2}_\d{2}$/, '')
}

function typesOf(document: Document, schema: Schema): string[] {
  const { allOf = [], anyOf = [], oneOf = [], properties } = document.deref(schema)
  const own = properties?.['type'] === undefined ? [] : enumOf(document, properties['type'])
  return [...own, ...[...allOf, ...anyOf, ...oneOf].flatMap((branch) => typesOf(document, branch))]
}

function enumOf(document: Document, schema: Schema): readonly string[] {
  const { enum: values = [], anyOf = [] } = document.deref(schema)
  return [...values, ...anyOf.flatMap((branch) => enumOf(document, branch))]
}

function fieldsOf(document: Document, schema: Schema): string[] {
  const { allOf = [], properties = {} } = document.deref(schema)
  return [...Object.keys(properties), ...allOf.flatMap((part) => fieldsOf(document, part))]
}
