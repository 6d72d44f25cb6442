/** The session that a launch opens, and the record of it. */
import type { BridgeApi, CreateSessionRequest } from '../bridge/api.ts'
import { BridgeApiError } from '../bridge/api-error.ts'
import { endSession } from '../bridge/session-end.ts'
import type { OpenLaunch } from './record.ts'

/** Steps that undo what was opened; run last to first, each whether or not another fails. */
export type Undo = (() => unknown)[]

/** The record is forgotten once it is certain that no session is open: by an answer, and not before. */
export async function openSession(
  api: BridgeApi,
  terms: CreateSessionRequest,
  record: OpenLaunch,
  undo: Undo,
): Promise<string> {
  try {
    const { session_id: sessionId } = await api.createSession(terms)
    undo.push(async () => {
      if (await endSession(api, sessionId)) record.forget()
    })
    return sessionId
  } catch (cause) {
    if (cause instanceof BridgeApiError && cause.status !== undefined) record.forget()
    throw cause
  }
}

/** @param say is told of a step that failed */
export async function undoAll(undo: Undo, say: (text: string) => void): Promise<void> {
  for (const step of undo.toReversed()) {
    try {
      await step()
    } catch (cause) {
      say(`synth: while closing: ${cause instanceof Error ? cause.message : cause}\n`)
    }
  }
}
