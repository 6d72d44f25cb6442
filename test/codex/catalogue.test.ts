import { describe, expect, test } from 'vitest'
import { codexCatalogue } from '../../src/codex/catalogue.ts'

const only = (model: Parameters<typeof codexCatalogue>[0][number]) => {
  const [entry] = codexCatalogue([model]).models
  if (entry === undefined) throw new Error('no entry')
  return entry
}

describe('codexCatalogue', () => {
  test('has every member Codex 0.169 requires, for a model of which only the name is known', () => {
    // A missing one of these is a fatal configuration error in Codex (tried with the real binary).
    const required = [
      'slug',
      'display_name',
      'supported_reasoning_levels',
      'shell_type',
      'visibility',
      'supported_in_api',
      'priority',
      'support_verbosity',
      'truncation_policy',
      'experimental_supported_tools',
      'base_instructions',
    ]
    expect(Object.keys(only({ slug: 'qwen' }))).toEqual(expect.arrayContaining(required))
  })

  test('leaves out what is not known instead of guessing it', () => {
    const entry = only({ slug: 'qwen' })
    expect(entry).not.toHaveProperty('context_window')
    expect(entry).not.toHaveProperty('auto_compact_token_limit')
    expect(entry).not.toHaveProperty('default_reasoning_level')
  })

  test('keeps the order of the models as their priority', () => {
    const { models } = codexCatalogue([{ slug: 'a' }, { slug: 'b' }])
    expect(models.map((entry) => [entry.slug, entry.priority])).toEqual([
      ['a', 1],
      ['b', 2],
    ])
  })

  test.each([
    { efforts: ['low', 'medium', 'high'], start: 'medium' },
    { efforts: ['high', 'max'], start: 'high' },
  ])('starts at $start where $efforts are understood', ({ efforts, start }) => {
    const entry = only({ slug: 'a', reasoningEfforts: efforts })
    expect(entry.default_reasoning_level).toBe(start)
    expect(entry.supported_reasoning_levels.map((level) => level.effort)).toEqual(efforts)
  })

  test('a model without eyes is offered no images', () => {
    expect(only({ slug: 'a', images: false }).input_modalities).toEqual(['text'])
    expect(only({ slug: 'a' }).input_modalities).toEqual(['text', 'image'])
  })

  test('the instructions explain the patch format, and are the same for every model', () => {
    const [first, second] = codexCatalogue([{ slug: 'a' }, { slug: 'b' }]).models
    expect(first?.base_instructions).toContain('*** Begin Patch')
    expect(first?.base_instructions).toBe(second?.base_instructions)
  })

  test('the instructions stay far below the 17 kB of the prompt they replace', () => {
    expect(Buffer.byteLength(only({ slug: 'a' }).base_instructions)).toBeLessThan(5_000)
  })
})
