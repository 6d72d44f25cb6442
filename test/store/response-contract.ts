/** What every store of responses must do, run against each of them. */
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StoreUnavailable } from '../../src/gateway/ledger-port.ts'
import type { ResponseStore, SavedTurn, StoredItem } from '../../src/gateway/state/port.ts'

export interface ResponseStoreHarness {
  open(): Promise<ResponseStore>
  /** The same place, opened by a bridge that starts anew; undefined where nothing outlives the process. */
  reopen?(store: ResponseStore): Promise<ResponseStore>
  close(): Promise<void>
}

const T0 = Date.UTC(2026, 0, 1)
const newId = (prefix: string) => `${prefix}_${randomUUID().replaceAll('-', '')}`
const item = (text: string, id = newId('msg')): StoredItem => ({
  id,
  body: JSON.stringify({ type: 'message', role: 'user', content: text }),
})
const textsOf = (items: readonly StoredItem[] | undefined) =>
  items?.map(({ body }) => JSON.parse(body).content)

export function describeResponseStore(
  name: string,
  createHarness: () => Promise<ResponseStoreHarness>,
): void {
  describe(`the ${name} store of responses`, () => {
    let harness: ResponseStoreHarness
    let store: ResponseStore
    let owner: { orgId: string; userId: string }

    beforeEach(async () => {
      harness = await createHarness()
      store = await harness.open()
      owner = { orgId: randomUUID(), userId: randomUUID() }
    })
    afterEach(() => harness.close())

    const turnOf = (said: string, more: Partial<SavedTurn> = {}): SavedTurn => {
      const responseId = more.responseId ?? newId('resp')
      return {
        owner,
        responseId,
        previousResponseId: undefined,
        conversationId: undefined,
        input: [item(`${said}?`)],
        output: [item(`${said}!`)],
        response: {
          body: JSON.stringify({ id: responseId, output: [], said }),
          log: '[]',
          settings: '{"model":"m"}',
          isBackground: false,
        },
        joinsConversation: false,
        leaseUntilMs: undefined,
        nowMs: T0,
        ...more,
      }
    }
    /** Saves turns, each on the one before it. */
    const saveChain = async (...texts: string[]): Promise<SavedTurn[]> => {
      const turns: SavedTurn[] = []
      for (const said of texts) {
        const turn = turnOf(said, { previousResponseId: turns.at(-1)?.responseId })
        await store.save(turn)
        turns.push(turn)
      }
      return turns
    }
    const ref = ({ responseId }: { responseId: string }, by = owner) => ({ owner: by, responseId })
    const history = async (turn: SavedTurn) => textsOf(await store.readTurns(ref(turn)))
    const newConversation = async (...texts: string[]) => {
      const conversationId = newId('conv')
      const items = texts.map((said) => item(said))
      await store.createConversation({
        owner,
        conversationId,
        metadata: '{}',
        items,
        nowMs: T0,
      })
      return { owner, conversationId }
    }
    const conversationTexts = async (conversation: { conversationId: string }) =>
      textsOf(await store.readConversation({ owner, ...conversation }))

    describe('a response', () => {
      test('comes back as it was saved', async () => {
        const turn = turnOf('a\u0000\u2028ü\ud83d\ude00')
        await store.save(turn)
        expect(await store.find(ref(turn))).toEqual({
          ...turn.response,
          output: turn.output,
          conversationId: undefined,
          leaseUntilMs: undefined,
        })
      })

      test('has the turns before it, oldest first, each input before its output', async () => {
        const turns = await saveChain('a', 'b', 'c')
        expect(await Promise.all(turns.map(history))).toEqual([
          ['a?', 'a!'],
          ['a?', 'a!', 'b?', 'b!'],
          ['a?', 'a!', 'b?', 'b!', 'c?', 'c!'],
        ])
      })

      test('may be followed by several, each with its own turns', async () => {
        const [first] = await saveChain('a')
        const left = turnOf('left', { previousResponseId: first?.responseId })
        const right = turnOf('right', { previousResponseId: first?.responseId })
        await Promise.all([store.save(left), store.save(right)])
        expect(await history(left)).toEqual(['a?', 'a!', 'left?', 'left!'])
        expect(await history(right)).toEqual(['a?', 'a!', 'right?', 'right!'])
      })

      test('without items has turns all the same', async () => {
        const first = turnOf('a', { input: [], output: [] })
        await store.save(first)
        expect(await history(first)).toEqual([])
        const next = turnOf('b', { previousResponseId: first.responseId })
        await store.save(next)
        expect(await history(next)).toEqual(['b?', 'b!'])
      })

      test('on one that is not there has no turns: half a history is none', async () => {
        const turn = turnOf('a', { previousResponseId: newId('resp') })
        await store.save(turn)
        expect(await history(turn)).toBeUndefined()
      })

      test('of another owner is as if it were not there', async () => {
        const [turn] = await saveChain('a')
        if (turn === undefined) throw new Error('nothing saved')
        for (const stranger of [
          { orgId: owner.orgId, userId: randomUUID() },
          { orgId: randomUUID(), userId: owner.userId },
        ]) {
          const theirs = ref(turn, stranger)
          const page = { order: 'asc', after: undefined, limit: 5 } as const
          expect(await store.find(theirs)).toBeUndefined()
          expect(await store.readTurns(theirs)).toBeUndefined()
          expect(await store.delete(theirs)).toBe(false)
          expect(await store.listInput({ ...theirs, ...page })).toMatchObject({ ok: false })
          const itemIds = turn.output.map(({ id }) => id)
          expect(await store.readItems({ owner: stranger, itemIds })).toEqual([])
        }
        expect(await store.find(ref(turn))).toBeDefined()
      })

      test('is gone once deleted, with its items', async () => {
        const [turn] = await saveChain('a')
        if (turn === undefined) throw new Error('nothing saved')
        expect(await store.delete(ref(turn))).toBe(true)
        expect(await store.delete(ref(turn))).toBe(false)
        expect(await store.find(ref(turn))).toBeUndefined()
        expect(await history(turn)).toBeUndefined()
        const itemIds = [...turn.input, ...turn.output].map(({ id }) => id)
        expect(await store.readItems({ owner, itemIds })).toEqual([])
      })

      test('deleted in the middle is gone by its name, and those after it keep their turns', async () => {
        const [first, middle, last] = await saveChain('a', 'b', 'c')
        if (first === undefined || middle === undefined || last === undefined) throw new Error()
        expect(await store.delete(ref(middle))).toBe(true)
        expect(await store.find(ref(middle))).toBeUndefined()
        expect(await history(middle)).toBeUndefined()
        const itemIds = middle.output.map(({ id }) => id)
        expect(await store.readItems({ owner, itemIds })).toEqual([])
        expect(await history(last)).toEqual(['a?', 'a!', 'b?', 'b!', 'c?', 'c!'])
        await store.delete(ref(last))
        expect(await history(first)).toEqual(['a?', 'a!'])
      })

      test('runs until it is saved as ended', async () => {
        const running = turnOf('a', { output: [], leaseUntilMs: T0 + 10 })
        await store.save(running)
        expect(await store.find(ref(running))).toMatchObject({ leaseUntilMs: T0 + 10, output: [] })
        expect(await history(running)).toBeUndefined()
        const { responseId } = running
        expect(await store.extend({ responseIds: [responseId], untilMs: T0 + 20 })).toEqual([])
        expect(await store.find(ref(running))).toMatchObject({ leaseUntilMs: T0 + 20 })
        const stranger = { orgId: randomUUID(), userId: randomUUID() }
        await store.askCancel(ref(running, stranger))
        expect(await store.extend({ responseIds: [responseId], untilMs: T0 + 30 })).toEqual([])
        await store.askCancel(ref(running))
        expect(await store.extend({ responseIds: [responseId], untilMs: T0 + 30 })).toEqual([
          responseId,
        ])
        await store.save({ ...turnOf('a', { responseId }), input: running.input })
        expect(await store.find(ref(running))).toMatchObject({ leaseUntilMs: undefined })
        expect(await history(running)).toEqual(['a?', 'a!'])
        expect(await store.extend({ responseIds: [responseId], untilMs: T0 + 40 })).toEqual([])
      })
    })

    describe('items', () => {
      test('are found by id, the latest of each, however many are asked for', async () => {
        const many = Array.from({ length: 70 }, (_, index) => item(`${index}`))
        const [twice] = many
        if (twice === undefined) throw new Error('no item')
        await store.save(turnOf('a', { output: many }))
        const later = item('later', twice.id)
        await store.save(turnOf('b', { input: [later] }))
        const itemIds = [...many.map(({ id }) => id), 'msg_none']
        const found = await store.readItems({ owner, itemIds })
        expect(found).toHaveLength(70)
        expect(found.find(({ id }) => id === twice.id)).toEqual(later)
      })

      test('of an input come in pages that fit together, in either order', async () => {
        const input = ['1', '2', '3', '4', '5'].map((text) => item(text))
        const turn = turnOf('a', { input })
        await store.save(turn)
        for (const order of ['asc', 'desc'] as const) {
          const seen: string[] = []
          let after: string | undefined
          for (;;) {
            const page = await store.listInput({ ...ref(turn), order, after, limit: 2 })
            if (!page.ok) throw new Error(page.reason)
            seen.push(...(textsOf(page.items) ?? []))
            after = page.items.at(-1)?.id
            if (!page.hasMore) break
          }
          const all = ['1', '2', '3', '4', '5']
          expect(seen).toEqual(order === 'asc' ? all : all.toReversed())
        }
        const page = { order: 'asc', after: 'msg_none', limit: 2 } as const
        expect(await store.listInput({ ...ref(turn), ...page })).toEqual({
          ok: false,
          reason: 'unknown_after',
        })
      })
    })

    describe('a conversation', () => {
      test('is created, found, given other metadata, and deleted', async () => {
        const conversation = await newConversation('hello')
        expect(await store.findConversation(conversation)).toEqual({
          createdAtMs: T0,
          metadata: '{}',
        })
        const metadata = '{"topic":"x"}'
        expect(await store.updateConversation({ ...conversation, metadata })).toBe(true)
        expect(await store.findConversation(conversation)).toMatchObject({ metadata })
        expect(await store.deleteConversation(conversation)).toBe(true)
        expect(await store.deleteConversation(conversation)).toBe(false)
        expect(await store.findConversation(conversation)).toBeUndefined()
        expect(await store.readConversation(conversation)).toBeUndefined()
      })

      test('has items that are added, listed, found and deleted one by one', async () => {
        const conversation = await newConversation('one')
        const two = item('two')
        const items = [two, item('three')]
        expect(await store.addConversationItems({ ...conversation, items, nowMs: T0 })).toBe(true)
        expect(await conversationTexts(conversation)).toEqual(['one', 'two', 'three'])
        const itemId = two.id
        expect(await store.findConversationItem({ ...conversation, itemId })).toEqual(two)
        const page = { order: 'desc', after: itemId, limit: 5 } as const
        const listed = await store.listConversationItems({ ...conversation, ...page })
        expect(listed).toMatchObject({ ok: true, hasMore: false })
        expect(listed.ok && textsOf(listed.items)).toEqual(['one'])
        expect(await store.deleteConversationItem({ ...conversation, itemId })).toBe(true)
        expect(await store.deleteConversationItem({ ...conversation, itemId })).toBe(false)
        expect(await store.findConversationItem({ ...conversation, itemId })).toBeUndefined()
        expect(await conversationTexts(conversation)).toEqual(['one', 'three'])
      })

      test('grows by the turns on it, and its responses can be gone on from', async () => {
        const { conversationId } = await newConversation('earlier')
        const first = turnOf('a', { conversationId, joinsConversation: true })
        await store.save(first)
        const second = turnOf('b', { conversationId, joinsConversation: true })
        await store.save(second)
        expect(await conversationTexts({ conversationId })).toEqual([
          ...['earlier', 'a?', 'a!'],
          ...['b?', 'b!'],
        ])
        expect(await store.find(ref(second))).toMatchObject({ conversationId })
        expect(await history(first)).toEqual(['earlier', 'a?', 'a!'])
        const next = turnOf('c', { previousResponseId: second.responseId })
        await store.save(next)
        expect(await history(next)).toEqual(['earlier', 'a?', 'a!', 'b?', 'b!', 'c?', 'c!'])
      })

      test('grows by a turn that keeps no response, and not by one that failed', async () => {
        const { conversationId } = await newConversation()
        const unkept = turnOf('a', { conversationId, joinsConversation: true, response: undefined })
        await store.save(unkept)
        await store.save(turnOf('b', { conversationId, joinsConversation: false }))
        expect(await conversationTexts({ conversationId })).toEqual(['a?', 'a!'])
        expect(await store.find(ref(unkept))).toBeUndefined()
      })

      test('is locked by one turn at a time, until it is saved or let go of or its lease is over', async () => {
        const conversation = await newConversation()
        const { conversationId } = conversation
        const lock = (responseId: string, nowMs = T0) =>
          store.lockConversation({ ...conversation, responseId, nowMs, untilMs: nowMs + 10 })
        const stranger = { orgId: randomUUID(), userId: randomUUID() }
        const theirs = { owner: stranger, conversationId, responseId: 'r', untilMs: 1, nowMs: 0 }
        expect(await store.lockConversation(theirs)).toBe('not_found')

        const both = await Promise.all([lock('resp_1'), lock('resp_2')])
        expect(both.toSorted()).toEqual(['busy', 'locked'])
        const holder = both[0] === 'locked' ? 'resp_1' : 'resp_2'
        await store.unlockConversation({ conversationId, responseId: 'resp_other' })
        expect(await lock('resp_3')).toBe('busy')
        await store.unlockConversation({ conversationId, responseId: holder })
        expect(await lock('resp_3')).toBe('locked')
        await store.save(turnOf('a', { conversationId, responseId: 'resp_3' }))
        expect(await lock('resp_4')).toBe('locked')
        await store.extend({ responseIds: ['resp_4'], untilMs: T0 + 20 })
        expect(await lock('resp_5', T0 + 15)).toBe('busy')
        expect(await lock('resp_5', T0 + 21)).toBe('locked')
      })

      test('of another owner is as if it were not there', async () => {
        const { conversationId } = await newConversation('mine')
        const theirs = { owner: { orgId: randomUUID(), userId: randomUUID() }, conversationId }
        const page = { order: 'asc', after: undefined, limit: 5 } as const
        expect(await store.findConversation(theirs)).toBeUndefined()
        expect(await store.readConversation(theirs)).toBeUndefined()
        expect(await store.updateConversation({ ...theirs, metadata: '{}' })).toBe(false)
        expect(await store.deleteConversation(theirs)).toBe(false)
        expect(await store.addConversationItems({ ...theirs, items: [], nowMs: T0 })).toBe(false)
        expect(await store.listConversationItems({ ...theirs, ...page })).toMatchObject({
          ok: false,
        })
        const itemId = 'msg_1'
        expect(await store.deleteConversationItem({ ...theirs, itemId })).toBe(false)
        expect(await store.findConversationItem({ ...theirs, itemId })).toBeUndefined()
        expect(await conversationTexts({ conversationId })).toEqual(['mine'])
      })
    })

    describe('retention', () => {
      const prune = async (beforeMs: number, maxBytes: number) => {
        for (;;) {
          const { more } = await store.prune({ beforeMs, maxBytes })
          if (!more) return
        }
      }
      const ALL = Number.MAX_SAFE_INTEGER

      test('by age takes out what was not used since, and whole threads only', async () => {
        const old = turnOf('old', { nowMs: T0 })
        const alive = turnOf('alive', { nowMs: T0 })
        await store.save(old)
        await store.save(alive)
        const next = turnOf('next', { nowMs: T0 + 10, previousResponseId: alive.responseId })
        await store.save(next)
        const idle = await newConversation()
        const used = await newConversation('x')
        await store.addConversationItems({ ...used, items: [item('y')], nowMs: T0 + 10 })
        await prune(T0 + 5, ALL)
        expect(await store.find(ref(old))).toBeUndefined()
        expect(await history(next)).toEqual(['alive?', 'alive!', 'next?', 'next!'])
        expect(await store.findConversation(idle)).toBeUndefined()
        expect(await conversationTexts(used)).toEqual(['x', 'y'])
      })

      test('by size takes out the longest unused, no more than it must', async () => {
        const turns: SavedTurn[] = []
        for (let index = 0; index < 10; index += 1) {
          const turn = turnOf(`t${index}`, {
            nowMs: T0 + index,
            output: [item('x'.repeat(1_000))],
          })
          await store.save(turn)
          turns.push(turn)
        }
        await prune(0, 5_000)
        const left = await Promise.all(turns.map((turn) => store.find(ref(turn))))
        expect(left.map((found) => found !== undefined)).toEqual([
          ...Array(6).fill(false),
          ...Array(4).fill(true),
        ])
        await prune(0, 0)
        expect(await store.find(ref(turns[9] ?? turnOf('')))).toBeUndefined()
      })

      test('counts what is said of conversations, too', async () => {
        const metadata = JSON.stringify({ about: 'x'.repeat(1_000) })
        const made = ['conv_a', 'conv_b', 'conv_c'].map((name, index) => ({
          ref: { owner, conversationId: newId(name) },
          nowMs: T0 + index,
        }))
        for (const { ref: reference, nowMs } of made) {
          await store.createConversation({ ...reference, metadata: '{}', items: [], nowMs })
          await store.updateConversation({ ...reference, metadata })
        }
        const next = { owner, conversationId: newId('conv') }
        await store.createConversation({ ...next, metadata, items: [], nowMs: T0 + 9 })
        await prune(0, 2_500)
        const all = [...made.map((one) => one.ref), next]
        const left = await Promise.all(all.map((reference) => store.findConversation(reference)))
        expect(left.map((found) => found !== undefined)).toEqual([false, false, true, true])
        await store.deleteConversation(next)
        await prune(0, 1_500)
        expect(await store.findConversation(all[2] ?? next)).toBeDefined()
      })

      test('no longer counts what was deleted', async () => {
        const big = turnOf('big', { nowMs: T0 + 5, output: [item('x'.repeat(10_000))] })
        const small = turnOf('small', { nowMs: T0 })
        await store.save(big)
        await store.save(small)
        await store.delete(ref(big))
        await prune(0, 2_000)
        expect(await store.find(ref(small))).toBeDefined()
      })
    })

    test('what was saved is there for a bridge that starts anew', async () => {
      if (harness.reopen === undefined) return
      const [, last] = await saveChain('a', 'b')
      if (last === undefined) throw new Error('nothing saved')
      store = await harness.reopen(store)
      expect(await history(last)).toEqual(['a?', 'a!', 'b?', 'b!'])
    })

    test('once closed it refuses everything and says so', async () => {
      await store.close()
      await expect(store.find(ref(turnOf('a')))).rejects.toThrow(StoreUnavailable)
    })
  })
}
