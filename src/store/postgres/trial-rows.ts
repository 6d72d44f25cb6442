/** Trials in PostgreSQL. */
import type { Trial } from '../../trial/trial.ts'
import type { TrialRows } from '../rows.ts'
import type { Transaction } from './transactions.ts'

/** More than the one that is written meanwhile, and little enough for a transaction that others wait for. */
const FORGOTTEN_AT_ONCE = 100

const WRITE = `
  INSERT INTO trials (trial_id, scope, expires_at_ms, body) VALUES ($1, $2, $3, $4)
  ON CONFLICT (trial_id, scope) DO UPDATE SET
    expires_at_ms = excluded.expires_at_ms, body = excluded.body`

const FORGET = `
  DELETE FROM trials WHERE (trial_id, scope) IN (
    SELECT trial_id, scope FROM trials WHERE expires_at_ms < $1
    LIMIT ${FORGOTTEN_AT_ONCE} FOR UPDATE SKIP LOCKED)`

export function createTrialRows({ query, send }: Transaction): TrialRows {
  return {
    writeTrial({ trialId, scope }, trial) {
      send(WRITE, [trialId, scope, trial.expiresAtMs, JSON.stringify(trial)])
    },
    async readTrial({ trialId, scope }) {
      const [row] = await query('SELECT body FROM trials WHERE trial_id = $1 AND scope = $2', [
        trialId,
        scope,
      ])
      // Written by `JSON.stringify` of the same type, so not checked again.
      return row === undefined ? undefined : (JSON.parse(String(row['body'])) as Trial)
    },
    forgetTrials(beforeMs) {
      send(FORGET, [beforeMs])
    },
  }
}
