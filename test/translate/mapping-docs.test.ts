/**
 * What the pages about translation promise to be: complete. Every field, item, part, tool, choice and
 * event of both APIs' documents stands in the table for it, with what becomes of it.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { ResponsesRequestSchema } from '../../src/protocol/responses/request.ts'

const DOCS = path.join(import.meta.dirname, '../../docs')

interface Row {
  readonly names: readonly string[]
  /** What becomes of them, a cell a column. */
  readonly verdicts: readonly string[]
}

const codeIn = (text: string): string[] =>
  [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)

/** The rows of the tables below one heading, and with them what `"Any other" holds …` spells out. */
function rowsOf(file: string, heading: string): Row[] {
  const page = readFileSync(path.join(DOCS, file), 'utf8')
  const start = page.indexOf(`\n${heading}\n`)
  if (start < 0) throw new Error(`docs/${file} has no "${heading}".`)
  const rest = page.slice(start + heading.length + 2)
  const level = heading.split(' ')[0] ?? ''
  const end = rest.search(new RegExp(`\\n#{1,${level.length}} `))
  const section = end < 0 ? rest : rest.slice(0, end)
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .map(([first = '', ...cells]) => ({ first, names: codeIn(first), verdicts: cells }))
  const other = rows.find(({ first }) => /^any other\b/.test(first))
  const spelt = /"Any other" holds ([\s\S]*?)(?:\n\n|$)/.exec(section)?.[1]
  return spelt === undefined || other === undefined
    ? rows
    : [...rows, { names: codeIn(spelt), verdicts: other.verdicts }]
}

/** The words that say what becomes of something. */
const VERDICT = /^(carried|emulated|dropped|the bridge's|never|an error|below|by value)\b/

interface Schema {
  readonly $ref?: string
  readonly allOf?: readonly Schema[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly enum?: readonly string[]
}

interface Document {
  deref(schema: Schema): Schema
}

const shared = process.env['BRIDGE_SHARED']
// The module has no types of its own; the cast states what is used of it.
const library =
  shared === undefined
    ? undefined
    : ((await import(
        /* @vite-ignore */ pathToFileURL(path.join(shared, 'check/lib-validate.mjs')).href
      )) as { OA: Document; OR: Document })

const named = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })

/** `web_search_preview_2025_03_11` is another spelling of `web_search_preview`. */
const withoutDate = (type: string) => type.replace(/_\d{4}_\d{2}_\d{2}$/, '')

function branches(document: Document, schema: Schema): readonly Schema[] {
  const { allOf = [], anyOf = [], oneOf = [] } = document.deref(schema)
  return [...allOf, ...anyOf, ...oneOf]
}

function typesOf(document: Document, schema: Schema, member = 'type'): string[] {
  const own = document.deref(schema).properties?.[member]
  return [
    ...(own === undefined ? [] : enumOf(document, own)),
    ...branches(document, schema).flatMap((branch) => typesOf(document, branch, member)),
  ].map(withoutDate)
}

function enumOf(document: Document, schema: Schema): readonly string[] {
  const { enum: values = [] } = document.deref(schema)
  return [...values, ...branches(document, schema).flatMap((one) => enumOf(document, one))]
}

function fieldsOf(document: Document, schema: Schema): string[] {
  const { properties = {} } = document.deref(schema)
  return [
    ...Object.keys(properties),
    ...branches(document, schema).flatMap((branch) => fieldsOf(document, branch)),
  ]
}

/** Members of a member, down a path through objects and lists. */
function membersAt(document: Document, schema: Schema, ...steps: readonly string[]): string[] {
  let at = schema
  for (const step of steps) {
    const next = document.deref(at).properties?.[step]
    if (next === undefined) throw new Error(`no ${step}`)
    at = document.deref(next).items ?? next
  }
  return fieldsOf(document, at)
}

interface Listing {
  readonly what: string
  readonly file: string
  readonly headings: readonly string[]
  /** How many columns say what becomes of it. */
  readonly columns: number
  /** Verdicts in other words than the usual: what a message or a part turns into. */
  readonly inWords?: boolean
  readonly names: (openai: Document, open: Document) => readonly string[]
}

const RESPONSES_FIELDS = '## Fields'
const CHAT_MESSAGES = '## Messages'

const PROMISES: readonly Listing[] = [
  {
    what: 'field of a Responses request',
    file: 'mapping.md',
    headings: [RESPONSES_FIELDS],
    columns: 1,
    names: (openai, open) => [
      ...fieldsOf(openai, named('CreateResponse')),
      ...fieldsOf(open, named('CreateResponseBody')),
    ],
  },
  {
    what: 'input item',
    file: 'mapping.md',
    headings: ['## Messages', '## Calls and outputs'],
    columns: 1,
    inWords: true,
    names: (openai, open) => [
      ...typesOf(openai, named('InputItem')),
      ...typesOf(open, named('ItemParam')),
    ],
  },
  {
    what: 'input content part',
    file: 'mapping.md',
    headings: ['## Messages'],
    columns: 1,
    inWords: true,
    names: (openai) => typesOf(openai, named('InputContent')),
  },
  {
    what: 'tool of a Responses request',
    file: 'mapping.md',
    headings: ['## Tools'],
    columns: 1,
    names: (openai) => typesOf(openai, named('Tool')),
  },
  {
    what: 'tool choice of a Responses request',
    file: 'mapping.md',
    headings: ['## Tool choice'],
    columns: 1,
    names: (openai) => typesOf(openai, named('ToolChoiceParam')),
  },
  {
    what: 'event',
    file: 'mapping.md',
    headings: ['### Events of a Responses stream'],
    columns: 2,
    names: (openai, open) => [
      ...typesOf(openai, named('ResponseStreamEvent')),
      ...OPEN_EVENTS.flatMap((name) => typesOf(open, named(name))),
    ],
  },
  {
    what: 'output item or part',
    file: 'mapping.md',
    headings: ['### Output items and their parts'],
    columns: 2,
    names: (openai, open) => [
      ...typesOf(openai, named('OutputItem')),
      ...typesOf(open, named('ItemField')),
      ...typesOf(openai, named('OutputContent')),
      ...typesOf(openai, named('Annotation')),
    ],
  },
  {
    what: 'member of a response',
    file: 'mapping.md',
    headings: ['### Members of a response'],
    columns: 2,
    names: (openai, open) => [
      ...fieldsOf(openai, named('Response')),
      ...fieldsOf(open, named('ResponseResource')),
      ...fieldsOf(openai, named('ResponseUsage')),
    ],
  },
  {
    what: 'member of a completion',
    file: 'mapping.md',
    headings: ['### Members of a completion and its chunks'],
    columns: 2,
    names: (openai) => [
      ...['CreateChatCompletionResponse', 'CreateChatCompletionStreamResponse'].flatMap((name) => [
        ...fieldsOf(openai, named(name)),
        ...membersAt(openai, named(name), 'choices'),
      ]),
      ...fieldsOf(openai, named('ChatCompletionResponseMessage')),
      ...fieldsOf(openai, named('ChatCompletionStreamResponseDelta')),
      ...fieldsOf(openai, named('CompletionUsage')),
      ...membersAt(openai, named('CompletionUsage'), 'prompt_tokens_details'),
      ...membersAt(openai, named('CompletionUsage'), 'completion_tokens_details'),
    ],
  },
  {
    what: 'field of a chat request',
    file: 'mapping-chat.md',
    headings: ['## Request fields'],
    columns: 1,
    names: (openai) => fieldsOf(openai, named('CreateChatCompletionRequest')),
  },
  {
    what: 'role of a chat message',
    file: 'mapping-chat.md',
    headings: [CHAT_MESSAGES],
    columns: 1,
    inWords: true,
    names: (openai) => typesOf(openai, named('ChatCompletionRequestMessage'), 'role'),
  },
  {
    what: 'content part of a chat message',
    file: 'mapping-chat.md',
    headings: [CHAT_MESSAGES],
    columns: 1,
    inWords: true,
    names: (openai) =>
      ['User', 'Assistant', 'System', 'Tool'].flatMap((role) =>
        typesOf(openai, named(`ChatCompletionRequest${role}MessageContentPart`)),
      ),
  },
  {
    what: 'tool, or tool choice, of a chat request',
    file: 'mapping-chat.md',
    headings: ['## Tools'],
    columns: 1,
    inWords: true,
    names: (openai) => [
      ...typesOf(openai, named('ChatCompletionTool')),
      ...typesOf(openai, named('CustomToolChatCompletions')),
      ...typesOf(openai, named('ChatCompletionToolChoiceOption')),
      ...enumOf(openai, named('ChatCompletionToolChoiceOption')),
    ],
  },
]

/** Open Responses has no union of its events. */
const OPEN_EVENTS = [
  'ResponseReasoningDeltaStreamingEvent',
  'ResponseReasoningDoneStreamingEvent',
  'ResponseReasoningSummaryDeltaStreamingEvent',
  'ResponseReasoningSummaryDoneStreamingEvent',
  'ResponseRefusalDeltaStreamingEvent',
  'ResponseOutputTextDeltaStreamingEvent',
  'ResponseQueuedStreamingEvent',
  'ErrorStreamingEvent',
]

describe.skipIf(library === undefined)('(skipped without $BRIDGE_SHARED)', () => {
  test.each(PROMISES)(
    'every $what has its row in docs/$file',
    ({ file, headings, columns, inWords, names }) => {
      if (library === undefined) return
      const wanted = new Set(names(library.OA, library.OR))
      expect(wanted.size).toBeGreaterThan(2)
      const rows = headings.flatMap((heading) => rowsOf(file, heading))
      const unlisted = [...wanted].filter((name) => !rows.some((row) => isOf(row, name)))
      expect(unlisted).toEqual([])
      for (const { names: listed, verdicts } of rows) {
        if (!listed.some((name) => wanted.has(name))) continue
        for (const verdict of verdicts.slice(0, columns)) {
          if (inWords) expect(verdict, listed.join()).not.toBe('')
          else expect(verdict, listed.join()).toMatch(VERDICT)
        }
      }
    },
  )

  test('no event, item or member is listed that no document has', () => {
    if (library === undefined) return
    /** OpenAI sends it, and its document does not say so. */
    const undocumented = ['keepalive', 'tool_search_call']
    for (const { headings, names, columns, file } of PROMISES) {
      if (columns < 2) continue
      const known = new Set([...names(library.OA, library.OR), ...undocumented])
      const listed = headings
        .flatMap((heading) => rowsOf(file, heading))
        .flatMap((row) => row.names)
      expect(listed.filter((name) => !known.has(name))).toEqual([])
    }
  })
})

/** `reasoning.effort` is a row of `reasoning`. */
function isOf({ names }: Row, wanted: string): boolean {
  return names.some((name) => name === wanted || name.startsWith(`${wanted}.`))
}

describe('docs/mapping.md', () => {
  const rows = rowsOf('mapping.md', RESPONSES_FIELDS)
  test.each(Object.keys(ResponsesRequestSchema.shape))('has a row for the field %s', (field) => {
    expect(rows.some((row) => isOf(row, field))).toBe(true)
  })
})
