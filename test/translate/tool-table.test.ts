import { describe, expect, test } from 'vitest'
import { chatToolName } from '../../src/translate/tool-name.ts'
import { createToolTable } from '../../src/translate/tool-table.ts'

describe('a tool table', () => {
  const table = createToolTable(
    [
      { chatName: 'n__a', target: { kind: 'custom', name: 'a', namespace: 'n' } },
      { chatName: 'n__a', target: { kind: 'function', name: 'other' } },
      { chatName: 'a_again', target: { kind: 'function', name: 'a', namespace: 'n' } },
      { chatName: 'stop', target: { kind: 'stop' } },
    ],
    { kind: 'only', chatNames: new Set(['a_again']) },
  )

  test('holds to the first of two entries with one name, on either side', () => {
    expect(table.target('n__a')).toEqual({ kind: 'custom', name: 'a', namespace: 'n' })
    expect(table.chatName('a', 'n')).toBe('n__a')
  })

  test('knows a tool by its namespace too, an empty one being none', () => {
    expect(table.chatName('a')).toBeUndefined()
    expect(table.chatName('other', '')).toBe('n__a')
    expect(table.chatName('other', null)).toBe('n__a')
  })

  test('lets the stop tool and unknown names pass beside the allowed ones', () => {
    expect(['a_again', 'stop', 'nobody', 'n__a'].map(table.allows)).toEqual([
      true,
      true,
      true,
      false,
    ])
  })

  test('knows no name of Object’s', () => {
    expect(table.target('constructor')).toBeUndefined()
    expect(table.chatName('__proto__')).toBeUndefined()
  })
})

describe('a chat tool name', () => {
  test.each([
    ['echo', undefined, 'echo'],
    ['echo', '', 'echo'],
    ['echo', 'mcp__x', 'mcp__x__echo'],
    ['a'.repeat(64), undefined, 'a'.repeat(64)],
  ])('that fits stays as it is: %s of %s', (name, namespace, expected) => {
    expect(chatToolName(name, namespace)).toBe(expected)
  })

  test.each([
    ['a.b', 'a b'],
    ['a'.repeat(65), 'a'.repeat(66)],
    ['é', 'è'],
  ])('that does not is made legal and keeps apart: %s and %s', (one, other) => {
    expect(chatToolName(one)).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
    expect(chatToolName(one)).toBe(chatToolName(one))
    expect(chatToolName(one)).not.toBe(chatToolName(other))
  })
})
