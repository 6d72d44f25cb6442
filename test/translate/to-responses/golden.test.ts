/**
 * What was on the wire, byte for byte: each folder of `fixtures/to-responses` holds what an upstream
 * sends and the stream a client gets. `options.json` says what the request asked for.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { ToolTarget } from '../../../src/translate/tool-table.ts'
import { PLAIN_SEAL, runBody, runStream, type TestOptions, toolTable, wireOf } from './harness.ts'
import { hasSharedValidator, sharedFailures } from './shared-validator.ts'
import { ruleBreaks } from './stream-rules.ts'

const ROOT = path.join(import.meta.dirname, '../../../fixtures/to-responses')
const cases = readdirSync(ROOT).toSorted()

const OptionsSchema = z.strictObject({
  tools: z
    .record(
      z.string(),
      z.discriminatedUnion('kind', [
        z.strictObject({
          kind: z.literal('function'),
          name: z.string(),
          namespace: z.string().optional(),
        }),
        z.strictObject({ kind: z.literal('custom'), name: z.string() }),
        z.strictObject({ kind: z.literal('tool_search') }),
        z.strictObject({ kind: z.literal('stop') }),
      ]),
    )
    .default({}),
  forbidden: z.array(z.string()).default([]),
  seal: z.boolean().default(false),
  logprobs: z.boolean().default(false),
  thinkTags: z.boolean().default(false),
  refusalAsText: z.boolean().default(false),
})

function readOptions(folder: string): TestOptions {
  const file = path.join(folder, 'options.json')
  const written = OptionsSchema.parse(
    existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {},
  )
  const targets: Record<string, ToolTarget> = {}
  for (const [name, target] of Object.entries(written.tools)) {
    targets[name] = target.kind === 'function' ? functionTarget(target) : target
  }
  return {
    ...written,
    tools: toolTable(targets, written.forbidden),
    seal: written.seal ? PLAIN_SEAL : undefined,
  }
}

function functionTarget(target: { name: string; namespace?: string | undefined }): ToolTarget {
  const { name, namespace } = target
  return { kind: 'function', name, ...(namespace === undefined ? {} : { namespace }) }
}

function run(name: string) {
  const folder = path.join(ROOT, name)
  const options = readOptions(folder)
  const body = path.join(folder, 'body.json')
  return existsSync(body)
    ? runBody(JSON.parse(readFileSync(body, 'utf8')), options)
    : runStream(readFileSync(path.join(folder, 'upstream.sse'), 'utf8'), options)
}

describe('golden streams', () => {
  test.each(cases)('%s', async (name) => {
    const { events } = run(name)
    expect(ruleBreaks(events)).toEqual([])
    await expect(wireOf(events)).toMatchFileSnapshot(path.join(ROOT, name, 'responses.sse'))
  })

  test.skipIf(!hasSharedValidator).each(cases)(
    '%s passes the shared validator (needs BRIDGE_SHARED)',
    (name) => {
      expect(sharedFailures(run(name).events)).toEqual([])
    },
  )

  test.each(cases)('%s holds an upstream, its answer, and nothing unknown', (name) => {
    const files = readdirSync(path.join(ROOT, name)).filter((file) => file !== 'options.json')
    expect([
      ['responses.sse', 'upstream.sse'],
      ['body.json', 'responses.sse'],
    ]).toContainEqual(files.toSorted())
  })
})
