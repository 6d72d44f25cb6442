/** Trials in SQLite. */
import type { DatabaseSync } from 'node:sqlite'
import type { Trial } from '../../trial/trial.ts'
import type { TrialRows } from '../rows.ts'
import { text } from './columns.ts'
import { prepare } from './ledger-rows.ts'

/** More than the one that is written meanwhile, and little enough for a transaction that others wait for. */
const FORGOTTEN_AT_ONCE = 100

export function createTrialRows(database: DatabaseSync): TrialRows {
  const write = prepare(
    database,
    `INSERT INTO trial (trial_id, scope, expires_at, body) VALUES (?, ?, ?, ?)
     ON CONFLICT (trial_id, scope) DO UPDATE SET
       expires_at = excluded.expires_at, body = excluded.body`,
  )
  const read = prepare(database, 'SELECT body FROM trial WHERE trial_id = ? AND scope = ?')
  const forget = prepare(
    database,
    `DELETE FROM trial WHERE rowid IN (
       SELECT rowid FROM trial WHERE expires_at < ? LIMIT ${FORGOTTEN_AT_ONCE})`,
  )
  return {
    writeTrial({ trialId, scope }, trial) {
      write.run(trialId, scope, trial.expiresAtMs, JSON.stringify(trial))
    },
    readTrial({ trialId, scope }) {
      const row = read.get(trialId, scope)
      // Written by `JSON.stringify` of the same type, so not checked again.
      return row === undefined ? undefined : (JSON.parse(text(row, 'body')) as Trial)
    },
    forgetTrials(beforeMs) {
      forget.run(beforeMs)
    },
  }
}
