/** What pg throws, as what the gateway understands. */
import { DatabaseError } from 'pg'
import { systemCodeOf } from '../../errors.ts'
import { StoreUnavailable } from '../../gateway/ledger-port.ts'

/** Serialization failure, deadlock, and two that open one session at once: done again, they succeed. */
const AGAIN = new Set(['40001', '40P01', '23505'])
/** The server has ended the connection: a shutdown, a crash, an administrator, or one that stood still. */
const ENDED = /^(?:08...|57P0[1-5]|25P03)$/

export const isWorthAnotherTry = (error: unknown): boolean => AGAIN.has(systemCodeOf(error))

/** Whether the connection broke or fell silent, so that nothing is known of what was last asked. */
export function isLineLost(error: unknown): boolean {
  if (error instanceof DatabaseError) return ENDED.test(systemCodeOf(error))
  // pg throws plain errors for lines, timeouts and clients that it has given up; ours have types.
  return error instanceof Error && error.name === 'Error'
}

/** @param place where the database is, without its password */
export function toStoreFault(error: unknown, place: string): unknown {
  if (error instanceof StoreUnavailable || error instanceof RangeError) return error
  const reason = error instanceof Error ? error.message : String(error)
  const code = systemCodeOf(error)
  if (/^(?:XX00[12]|42P01|42703)$/.test(code)) {
    return new StoreUnavailable('corrupt', `${place} is not as it was left: ${reason}.`, {
      cause: error,
    })
  }
  return new StoreUnavailable(
    'unavailable',
    `${place} does not answer (${reason || code}). Check that it runs and that [server] store is right.`,
    { cause: error },
  )
}
