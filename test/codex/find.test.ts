import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findCodex } from '../../src/codex/find.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'find-codex-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const notInstalled = () => {
  throw new Error('Cannot find module')
}

describe('findCodex', () => {
  test('prefers the pinned one, and runs it on this Node', () => {
    const pinned = '/somewhere/codex.js'
    expect(findCodex({ PATH: folder }, { resolvePinned: () => pinned })).toEqual({
      found: true,
      origin: 'pinned',
      command: process.execPath,
      arguments: [pinned],
    })
  })

  test('takes the first executable on the PATH otherwise', () => {
    for (const name of ['first', 'second', 'third']) mkdirSync(join(folder, name))
    mkdirSync(join(folder, 'first', 'codex'))
    writeFileSync(join(folder, 'second', 'codex'), 'not executable')
    const own = join(folder, 'third', 'codex')
    writeFileSync(own, '#!/bin/sh\n')
    chmodSync(own, 0o755)
    const PATH = ['', ...['first', 'second', 'third'].map((name) => join(folder, name))].join(
      delimiter,
    )
    expect(findCodex({ PATH }, { resolvePinned: notInstalled })).toEqual({
      found: true,
      origin: 'path',
      command: own,
      arguments: [],
    })
  })

  test('says how to install it when there is none', () => {
    const finding = findCodex({ PATH: folder }, { resolvePinned: notInstalled })
    expect(finding).toMatchObject({
      found: false,
      message: expect.stringContaining('npm install --global @openai/codex'),
    })
  })

  test('the repository’s own pinned Codex is found', () => {
    expect(findCodex({})).toMatchObject({ found: true, origin: 'pinned' })
  })
})
