/**
 * The history as chat messages, strictly in order and append-only: what stands after a user message
 * or a whole group of outputs does not change when the conversation goes on.
 *
 * An assistant message, the reasoning before it and the calls after it are one turn
 * (`turn.ts`), whatever else the client recorded before the outputs of those calls. Text or
 * reasoning behind a call opens the next turn: chat has no order of text after calls.
 */
import type { ChatMessage } from '../../protocol/chat/request.ts'
import type { InputContent } from '../../protocol/responses/input.ts'
import type { ChatDialect } from '../dialect.ts'
import type { Seal } from '../seal.ts'
import { createCallIds } from './call-ids.ts'
import { packParts, splitOutput, toAssistantText, toSystemText, toUserContent } from './content.ts'
import type { Drop } from './dropped.ts'
import type { CallEntry, HistoryEntry, MessageEntry, OutputEntry } from './history.ts'
import type { Pairing } from './pairing.ts'
import { joinThoughts, openReasoning, type Thought } from './reasoning.ts'
import { createSystemHead, type SystemRole, toChatRole } from './system-head.ts'
import { type AnsweredCall, toTurnMessages } from './turn.ts'

export interface MessageContext {
  readonly pairing: Pairing
  readonly dialect: ChatDialect
  readonly seal: Seal
  readonly drop: Drop
}

/** A turn that calls may still join. */
interface OpenTurn {
  readonly text: string
  readonly thoughts: Thought[]
  readonly calls: AnsweredCall[]
}

export function toChatMessages(
  history: readonly HistoryEntry[],
  { pairing, dialect, seal, drop }: MessageContext,
): ChatMessage[] {
  const messages: ChatMessage[] = []
  const callIds = createCallIds()
  const callNames = new Map<string, string>()
  const head = createSystemHead(dialect)
  let headOpen = true
  let turn: OpenTurn | undefined
  /** Reasoning that waits for the message it led to. */
  let thoughts: Thought[] = []

  const push = (message: ChatMessage) => {
    if (headOpen) for (const first of head.messages()) messages.push(first)
    headOpen = false
    messages.push(message)
  }

  const openTurn = (text: string): OpenTurn => {
    closeTurn()
    const opened: OpenTurn = { text, thoughts, calls: [] }
    thoughts = []
    turn = opened
    return opened
  }

  const closeTurn = () => {
    if (turn === undefined) return
    const { text, calls } = turn
    const thought = joinThoughts(turn.thoughts)
    turn = undefined
    for (const message of toTurnMessages({ text, thought, calls }, dialect, drop)) push(message)
  }

  const addMessage = ({ role, content }: MessageEntry) => {
    if (role === 'assistant') {
      const text = toAssistantText(content, drop)
      if (text !== '') openTurn(text)
      return
    }
    closeTurn()
    // What was thought before the user spoke, and led to nothing, belongs to no later answer.
    if (role === 'user') thoughts = []
    if (role === 'user') addUser(content)
    else addSystem(role, content)
  }

  const addUser = (content: InputContent) => {
    const carried = toUserContent(content, drop)
    if (carried !== undefined) push({ role: 'user', content: carried })
  }

  const addSystem = (role: SystemRole, content: InputContent) => {
    if (!headOpen && dialect.laterSystem === 'user') return addUser(content)
    const text = toSystemText(content, drop)
    if (text === '') return
    if (headOpen) head.add(role, text)
    else push({ role: toChatRole(role, dialect), content: text })
  }

  const addCall = ({ key, id, chatName, arguments: text }: CallEntry, index: number) => {
    callNames.set(key, chatName)
    const joins = turn !== undefined && (thoughts.length === 0 || turn.calls.length === 0)
    const joined = turn !== undefined && joins ? turn : openTurn('')
    for (const waiting of thoughts) joined.thoughts.push(waiting)
    thoughts = []
    joined.calls.push({
      id: callIds.next(id),
      chatName,
      arguments: text,
      output: outputOf(index),
    })
  }

  const outputOf = (callIndex: number): InputContent | undefined => {
    const outputIndex = pairing.answerOf(callIndex)
    const entry = outputIndex === undefined ? undefined : history[outputIndex]
    return entry?.kind === 'output' ? entry.content : undefined
  }

  const addOutput = ({ key, label, content }: OutputEntry, index: number) => {
    closeTurn()
    if (pairing.isAnswer(index)) return
    const name = label ?? (key === undefined ? undefined : callNames.get(key))
    const { text, media } = splitOutput(content, drop)
    const note = `[output without a call${name === undefined ? '' : `: ${name}`}]`
    const whole = text === '' ? note : `${note}\n${text}`
    push({ role: 'user', content: packParts([{ type: 'text', text: whole }, ...media]) })
  }

  for (const [index, entry] of history.entries()) {
    switch (entry.kind) {
      case 'message':
        addMessage(entry)
        break
      case 'reasoning':
        thoughts.push(openReasoning(entry.item, seal))
        break
      case 'call':
        addCall(entry, index)
        break
      case 'output':
        addOutput(entry, index)
        break
    }
  }
  closeTurn()
  return headOpen ? [...head.messages()] : messages
}
