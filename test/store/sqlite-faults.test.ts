import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { plainTerms } from '../../src/budget/session.ts'
import type { LedgerStore } from '../../src/gateway/ledger-port.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import { hard, OWNER, usd } from '../budget/building.ts'
import { reserveRequest, settleRequest } from './contract.ts'

const T0 = Date.UTC(2026, 0, 1)

let folder: string
let path: string
const stores: LedgerStore[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bridge-faults-'))
  path = join(folder, 'bridge.db')
})
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()))
  await rm(folder, { recursive: true })
})

async function open(at = path): Promise<LedgerStore> {
  const store = await openSqliteStore({ path: at, instanceId: randomUUID() })
  stores.push(store)
  return store
}

const create = (store: LedgerStore) =>
  store.createSession({ ...OWNER, apiKeyId: null, terms: plainTerms([hard(1_000n)]) }, T0)

/** A file system of our own, small enough to fill. Undefined where it may not be mounted. */
function mountSmall(at: string, size: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', at], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const remount = (at: string, how: 'ro' | 'rw') =>
  execFileSync('mount', ['-o', `remount,${how}`, at], { stdio: 'ignore' })
const unmount = (at: string) => execFileSync('umount', ['-l', at], { stdio: 'ignore' })

describe('a file that cannot be used', () => {
  test('because it is something else is said to be damaged, and left as it is', async () => {
    const bytes = Buffer.alloc(20_000, 'not a database ')
    await writeFile(path, bytes)
    await expect(open()).rejects.toMatchObject({
      name: 'StoreUnavailable',
      fault: 'corrupt',
      message: expect.stringContaining(path),
    })
    expect(await readFile(path)).toEqual(bytes)
  })

  test('because pages of it are damaged refuses calls instead of guessing', async () => {
    const store = await open()
    const { sessionId } = await create(store)
    await stores.pop()?.close()
    const file = openSync(path, 'r+')
    const { size } = await stat(path)
    for (let page = 1; page * 4_096 < size; page += 1)
      writeSync(file, Buffer.alloc(4_096, 0xff), 0, 4_096, page * 4_096)
    closeSync(file)
    const use = async () => {
      const damaged = await open()
      await damaged.reserve(reserveRequest(sessionId, usd(1n)), T0)
    }
    await expect(use()).rejects.toMatchObject({ fault: 'corrupt' })
  })

  test('because a newer bridge wrote it says so, and changes nothing', async () => {
    await open()
    await stores.pop()?.close()
    const database = new DatabaseSync(path)
    database.exec('PRAGMA user_version = 99')
    database.close()
    await expect(open()).rejects.toMatchObject({
      fault: 'newer_schema',
      message: expect.stringMatching(/newer synth-bridge.*99.*Upgrade/),
    })
  })

  test('because its folder is a file names it', async () => {
    await writeFile(join(folder, 'state'), '')
    await expect(open(join(folder, 'state', 'bridge.db'))).rejects.toMatchObject({
      fault: 'unavailable',
      message: expect.stringContaining(join(folder, 'state', 'bridge.db')),
    })
  })

  test.skipIf(process.getuid?.() === 0)('because its folder is read-only says so', async () => {
    await chmod(folder, 0o500)
    await expect(open()).rejects.toMatchObject({ fault: 'unavailable' })
    await chmod(folder, 0o700)
  })

  test('because the file system is read-only says that', async ({ skip }) => {
    skip(!mountSmall(folder, '8m'), 'may not mount a file system')
    try {
      remount(folder, 'ro')
      await expect(open()).rejects.toMatchObject({
        fault: 'unavailable',
        message: expect.stringMatching(/read-only|EROFS/),
      })
    } finally {
      unmount(folder)
    }
  })
})

test('what it was told outlives the bridge', async () => {
  const store = await open()
  const { sessionId } = await create(store)
  const request = reserveRequest(sessionId, usd(900n))
  await store.reserve(request, T0)
  await store.settle(settleRequest(request.holdId, usd(2n ** 52n + 1n)), T0)
  const before = await store.getSession({ ...OWNER, sessionId }, T0)
  await stores.pop()?.close()
  const again = await open()
  expect(await again.getSession({ ...OWNER, sessionId }, T0)).toEqual(before)
})

test('the folder and the file are nobody else’s to read', async () => {
  const inside = join(folder, 'state', 'bridge.db')
  await create(await open(inside))
  const modeOf = async (at: string) => ((await stat(at)).mode & 0o777).toString(8)
  expect(await modeOf(join(folder, 'state'))).toBe('700')
  expect([await modeOf(inside), await modeOf(`${inside}-wal`)]).toEqual(['600', '600'])
})

test('a full disk: nothing is admitted, nothing is lost, and it goes on by itself', async ({
  skip,
}) => {
  skip(!mountSmall(folder, '1m'), 'may not mount a file system')
  try {
    const store = await open()
    const session = await create(store)
    const { sessionId } = session
    const request = reserveRequest(sessionId, usd(100n))
    expect(await store.reserve(request, T0)).toMatchObject({ ok: true })

    const filler = join(folder, 'filler')
    const file = openSync(filler, 'w')
    try {
      for (;;) writeSync(file, Buffer.alloc(4_096))
    } catch {
      // Full, which is what was wanted.
    }
    closeSync(file)
    // The log may have room left from before: at some point there is none.
    const fillUp = async () => {
      for (;;) await store.reserve(reserveRequest(null, usd(1n)), T0)
    }
    const full = { fault: 'unavailable', message: expect.stringContaining('full') }
    await expect(fillUp()).rejects.toMatchObject(full)
    await expect(store.reserve(reserveRequest(sessionId, usd(1n)), T0)).rejects.toMatchObject(full)
    await expect(store.settle(settleRequest(request.holdId, usd(70n)), T0)).rejects.toMatchObject(
      full,
    )

    expect(await store.health()).toMatchObject({
      status: 'unavailable',
      message: expect.stringContaining('wait to be written'),
    })

    await rm(filler)
    for (;;) {
      const found = await store.getSession({ ...OWNER, sessionId }, T0).catch(() => null)
      if (found?.account.reserved.cost_usd === 0n) {
        expect(found.account.spent.cost_usd).toBe(70n)
        break
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await stores.pop()?.close()
  } finally {
    unmount(folder)
  }
})
