/**
 * The rules against recorded Responses streams of OpenAI and others: what the real API does must not be
 * called wrong. What is still found is listed with its reason.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkStream } from '../../src/conformance/check-stream.ts'
import { type Report, RULES, type RuleName } from '../../src/conformance/rules.ts'
import { createFrameReader } from '../../src/conformance/stream-frames.ts'

const shared = process.env['BRIDGE_SHARED'] ?? ''
const corpus = process.env['BRIDGE_CORPUS'] ?? (shared === '' ? '' : join(shared, 'corpus'))
const folder = join(corpus, 'responses')
const recordings =
  corpus === ''
    ? []
    : readdirSync(folder)
        .filter((name) => name.endsWith('.sse'))
        .sort()

const SEVERAL_ANSWERS: readonly RuleName[] = [
  'item.index',
  'output.same',
  'stream.first',
  'stream.same-response',
  'stream.sequence',
  'stream.terminal',
]

const KNOWN: Readonly<
  Record<string, { readonly why: string; readonly rules: readonly RuleName[] }>
> = {
  'custom-tool-call-gpt-5.2-codex.sse': {
    why: 'kept without numbers, states and some of its events',
    rules: ['item.added', 'item.done', 'stream.sequence'],
  },
  'function-call-reasoning-text-encrypted-summary-gpt-5.1-codex-max.sse': {
    why: 'four answers in one file',
    rules: SEVERAL_ANSWERS,
  },
  'shell-call-text-gpt-5.1-2025-11-13.sse': {
    why: 'two answers in one file',
    rules: SEVERAL_ANSWERS,
  },
  'github-copilot--reasoning-text-summary-phase-gpt-5.3-codex.sse': {
    why: 'GitHub Copilot makes a new id for every event',
    rules: ['item.place', 'item.same', 'output.same', 'stream.same-response'],
  },
  'openai-chatgpt-backend--function-call-reasoning-encrypted-gpt-5.4.sse': {
    why: 'the backend of ChatGPT leaves the final output empty',
    rules: ['output.same'],
  },
  'openrouter--reasoning-text-gpt-oss-20b.sse': {
    why: 'OpenRouter ends with another reasoning item than it closed',
    rules: ['output.same'],
  },
  'program-function-call-reasoning-gpt-5.6-terra.sse': {
    why: 'a call made by a program inside the API stays in progress',
    rules: ['item.done', 'output.same', 'response.state'],
  },
}

describe.skipIf(recordings.length === 0)(
  'a recorded stream (needs BRIDGE_SHARED or BRIDGE_CORPUS)',
  () => {
    test.each(recordings)('%s', (name) => {
      const text = readFileSync(join(folder, name), 'utf8')
      const found = new Set<RuleName>()
      const report: Report = (rule) => void found.add(rule)
      const reader = createFrameReader(report, () => {})
      reader.push(text)
      reader.end()
      checkStream(reader.events, report)
      expect(reader.events.length).toBeGreaterThan(3)
      // Some recordings kept the data of the frames only.
      if (!/^event:/m.test(text)) found.delete('sse.event-name')
      const broken = [...found].filter((rule) => RULES[rule].level === 'must').sort()
      expect(broken).toEqual(KNOWN[name]?.rules ?? [])
    })

    test('every exception is of a file there is', () => {
      expect(Object.keys(KNOWN).filter((name) => !recordings.includes(name))).toEqual([])
    })
  },
)
