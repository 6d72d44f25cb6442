/**
 * Which output answers which call. Servers want every call answered right behind the message that
 * makes it; clients record outputs late, early, out of order and under repeated ids.
 *
 * Nothing that a client sends later may change how an earlier request was translated, or the
 * upstream's prompt cache is lost. Clients send after a user message and after a whole group of
 * outputs. So a call that the model has answered past (a user message, then anything of the
 * assistant) stays as it went out then, unanswered: its late output is a note where it stands. For the
 * same reason an early output counts only while no user message has come between.
 */
import type { HistoryEntry } from './history.ts'

export interface Pairing {
  /** The place of the output that answers the call at `callIndex`, or undefined. */
  answerOf(callIndex: number): number | undefined
  /** Whether the output at `outputIndex` answers a call. */
  isAnswer(outputIndex: number): boolean
}

/** Unanswered calls of one id that one assistant turn made, in order. */
interface OpenCalls {
  readonly turn: number
  readonly stretch: number
  readonly indexes: number[]
  answered: number
}

/** Outputs of one id that came before any call of it, in order. */
interface EarlyOutputs {
  readonly indexes: number[]
  taken: number
}

export function pairCalls(history: readonly HistoryEntry[]): Pairing {
  const answers = new Map<number, number>()
  const answering = new Set<number>()
  const open = new Map<string, OpenCalls>()
  const earlyByKey = new Map<string, EarlyOutputs>()
  const waiting: { readonly callIndex: number; readonly early: EarlyOutputs }[] = []
  // A turn is a run of the assistant's entries; a stretch ends where a request must have been sent.
  let turn = 0
  let stretch = 0
  let userSpoke = false

  const pair = (callIndex: number, outputIndex: number) => {
    answers.set(callIndex, outputIndex)
    answering.add(outputIndex)
  }

  for (const [index, entry] of history.entries()) {
    if (isAssistants(entry)) {
      if (userSpoke) stretch++
      userSpoke = false
    } else if (!isSystems(entry)) {
      turn++
    }
    if (entry.kind === 'message' && entry.role === 'user') {
      userSpoke = true
      earlyByKey.clear()
    } else if (entry.kind === 'call') {
      addOpenCall(open, entry.key, index, turn, stretch)
      const early = earlyByKey.get(entry.key)
      if (early !== undefined) waiting.push({ callIndex: index, early })
    } else if (entry.kind === 'output' && entry.key !== undefined) {
      const callIndex = takeOpenCall(open, entry.key, stretch)
      if (callIndex !== undefined) pair(callIndex, index)
      // A second output of a call made before is not an early one of the next.
      else if (!open.has(entry.key)) addEarlyOutput(earlyByKey, entry.key, index)
    }
  }
  for (const { callIndex, early } of waiting) {
    const outputIndex = early.indexes[early.taken]
    if (answers.has(callIndex) || outputIndex === undefined) continue
    early.taken++
    pair(callIndex, outputIndex)
  }
  return {
    answerOf: (callIndex) => answers.get(callIndex),
    isAnswer: (outputIndex) => answering.has(outputIndex),
  }
}

function isAssistants(entry: HistoryEntry): boolean {
  if (entry.kind === 'message') return entry.role === 'assistant'
  return entry.kind === 'call' || entry.kind === 'reasoning'
}

function isSystems(entry: HistoryEntry): boolean {
  return entry.kind === 'message' && (entry.role === 'system' || entry.role === 'developer')
}

/** An id that a later turn uses again is that turn's: some clients number every answer's calls anew. */
function addOpenCall(
  open: Map<string, OpenCalls>,
  key: string,
  index: number,
  turn: number,
  stretch: number,
): void {
  const latest = open.get(key)
  if (latest?.turn === turn) latest.indexes.push(index)
  else open.set(key, { turn, stretch, indexes: [index], answered: 0 })
}

function takeOpenCall(
  open: ReadonlyMap<string, OpenCalls>,
  key: string,
  stretch: number,
): number | undefined {
  const calls = open.get(key)
  if (calls === undefined || calls.stretch !== stretch) return undefined
  const callIndex = calls.indexes[calls.answered]
  if (callIndex !== undefined) calls.answered++
  return callIndex
}

function addEarlyOutput(early: Map<string, EarlyOutputs>, key: string, index: number): void {
  const outputs = early.get(key)
  if (outputs === undefined) early.set(key, { indexes: [index], taken: 0 })
  else outputs.indexes.push(index)
}
