/** Two that find no session at the same time, where reads of one transaction see what others committed. */
import { expect, test } from 'vitest'
import { openSession, plainTerms } from '../../src/budget/session.ts'
import { randomIds } from '../../src/store/random-ids.ts'
import type { SessionRows } from '../../src/store/rows.ts'
import { attach } from '../../src/store/session-procedures.ts'

const T0 = 1_000
const owner = { orgId: 'org', userId: 'user' }

test('a session that another opened between two reads is joined, and goes on', async () => {
  const terms = plainTerms([])
  const other = openSession(owner, null, terms, randomIds, T0)
  const reads: string[] = []
  const rows: Pick<SessionRows, 'readCurrentSession'> = {
    readCurrentSession(_owner, purpose) {
      reads.push(purpose)
      return reads.length === 1 ? undefined : other
    },
  }
  const request = { ...owner, apiKeyId: null, target: { by: 'owner', terms } as const }
  const result = await attach(rows as SessionRows, request, randomIds, T0)
  expect(result).toEqual({ ok: true, session: other, opened: false })
  expect(reads).toEqual(['read', 'change', 'read'])
})
