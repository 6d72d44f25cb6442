/** What only a file on a disk can do: outlive its bridge, be shared, be damaged. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, test } from 'vitest'
import { amounts } from '../../src/budget/metric.ts'
import type { LedgerStore } from '../../src/gateway/ledger-port.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import { freshOwner, reserveRequest, settleRequest } from './contract.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'synth-sqlite-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function open(path: string): Promise<LedgerStore> {
  const store = await openSqliteStore({ path, instanceId: randomUUID() })
  cleanups.push(() => store.close())
  return store
}

const hard = (value: bigint) => ({
  metric: 'cost_usd' as const,
  value,
  warningThreshold: null,
  expiresAtMs: null,
  kind: { type: 'hard' as const },
})

async function sessionWith(store: LedgerStore, limit: bigint) {
  const owner = freshOwner()
  const session = await store.createSession(
    {
      ...owner,
      apiKeyId: null,
      terms: {
        sessionType: 'test',
        limits: [hard(limit)],
        expiresAtMs: null,
        tracingSessionId: null,
        metadata: {},
        makeActive: true,
        boundKeySha256: null,
      },
    },
    Date.now(),
  )
  return { owner, sessionId: session.sessionId }
}

describe('a file', () => {
  test('keeps what it was told over a restart, and is private', async () => {
    const path = join(newFolder(), 'deep', 'synth.db')
    const first = await openSqliteStore({ path, instanceId: randomUUID() })
    const { owner, sessionId } = await sessionWith(first, 10n ** 18n)
    const request = reserveRequest(sessionId, amounts({ cost_usd: 2n ** 52n + 1n, tokens: 7n }))
    await first.reserve(request, Date.now())
    await first.settle(settleRequest(request.holdId, request.wanted), Date.now())
    await first.close()
    const second = await open(path)
    const session = await second.getSession({ ...owner, sessionId }, Date.now())
    expect(session?.account.spent).toEqual(request.wanted)
    expect(session?.account.limits[0]?.value).toBe(10n ** 18n)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700)
  })

  test('that a newer program wrote is refused', async () => {
    const path = join(newFolder(), 'synth.db')
    const db = new DatabaseSync(path)
    db.exec('PRAGMA user_version = 99')
    db.close()
    await expect(open(path)).rejects.toMatchObject({
      fault: 'newer_schema',
      message: expect.stringMatching(/newer.*99|99.*newer/s),
    })
  })

  test('that is no database is refused, and left as it is', async () => {
    const path = join(newFolder(), 'synth.db')
    writeFileSync(path, 'these are my notes, not a database'.repeat(100))
    await expect(open(path)).rejects.toMatchObject({ fault: 'corrupt' })
    expect(statSync(path).size).toBe(3400)
  })

  test('in a folder that is a file is refused with the path', async () => {
    const folder = newFolder()
    writeFileSync(join(folder, 'blocked'), '')
    await expect(open(join(folder, 'blocked', 'synth.db'))).rejects.toMatchObject({
      fault: 'unavailable',
      message: expect.stringContaining('blocked'),
    })
  })

  test.skipIf(process.getuid?.() === 0)('that may not be written is refused', async () => {
    const folder = newFolder()
    chmodSync(folder, 0o500)
    await expect(open(join(folder, 'synth.db'))).rejects.toMatchObject({ fault: 'unavailable' })
  })
})

/** A bridge's store in a process of its own, which reserves until it is killed. */
const LOAD = join(import.meta.dirname, 'sqlite-load.ts')

interface Load {
  readonly acknowledged: Map<string, bigint>
  kill(): Promise<void>
}

async function startLoad(path: string, sessionId: string): Promise<Load> {
  const child = spawn(process.execPath, [LOAD, path, sessionId], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const acknowledged = new Map<string, bigint>()
  let rest = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [holdId = '', amount = '0'] = line.split(' ')
      acknowledged.set(holdId, BigInt(amount))
    }
  })
  await once(child.stdout, 'data')
  return {
    acknowledged,
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}

describe('a bridge that is killed', () => {
  const rounds = Number(process.env['KILL_ROUNDS'] ?? 5)

  test(`${rounds} times under load loses no acknowledged spend and leaves no hold`, async () => {
    const path = join(newFolder(), 'synth.db')
    const first = await openSqliteStore({ path, instanceId: randomUUID() })
    const { owner, sessionId } = await sessionWith(first, 10n ** 15n)
    await first.close()
    let acknowledged = 0n
    let before = 0n
    for (let round = 0; round < rounds; round++) {
      const load = await startLoad(path, sessionId)
      await load.kill()
      acknowledged += [...load.acknowledged.values()].reduce((sum, amount) => sum + amount, 0n)
      const store = await openSqliteStore({ path, instanceId: randomUUID() })
      const session = await store.getSession({ ...owner, sessionId }, Date.now())
      const spent = session?.account.spent.cost_usd ?? 0n
      expect(spent).toBeGreaterThanOrEqual(acknowledged)
      expect(spent).toBeGreaterThanOrEqual(before)
      expect(session?.account.reserved.cost_usd).toBe(0n)
      expect(await store.health()).toMatchObject({ openHolds: 0 })
      before = spent
      await store.close()
    }
  })

  test('while another shares its file has its holds settled within 5 s', async () => {
    const path = join(newFolder(), 'synth.db')
    const survivor = await open(path)
    const { owner, sessionId } = await sessionWith(survivor, 10n ** 15n)
    const load = await startLoad(path, sessionId)
    await load.kill()
    await expect
      .poll(
        async () =>
          (await survivor.getSession({ ...owner, sessionId }, Date.now()))?.account.reserved
            .cost_usd,
        {
          timeout: 5_000,
        },
      )
      .toBe(0n)
  })
})

describe('two bridges on one file', () => {
  test('hold one limit together: of 500 calls at once exactly what fits is admitted', async () => {
    const path = join(newFolder(), 'synth.db')
    const stores = [await open(path), await open(path)]
    const [first] = stores
    if (first === undefined) throw new Error('no store')
    for (let round = 0; round < 20; round++) {
      const { owner, sessionId } = await sessionWith(first, 99n)
      const results = await Promise.all(
        Array.from({ length: 500 }, (_, index) => {
          const store = stores[index % 2] ?? first
          return store.reserve(reserveRequest(sessionId, amounts({ cost_usd: 10n })), Date.now())
        }),
      )
      expect(results.filter(({ ok }) => ok)).toHaveLength(9)
      const session = await first.getSession({ ...owner, sessionId }, Date.now())
      expect(session?.account.reserved.cost_usd).toBe(90n)
    }
  })
})
