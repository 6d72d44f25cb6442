/**
 * System-class messages. Those at the head become one, as strict templates take a single system
 * message and only there; a later one stays in its place, in a role such templates accept, as moving
 * it to the head would change every message behind it.
 */
import type { ChatMessage, ChatSystemMessage } from '../../protocol/chat/request.ts'
import type { ChatDialect } from '../dialect.ts'

export type SystemRole = 'system' | 'developer'

const SEPARATOR = '\n\n'

export interface SystemHead {
  add(role: SystemRole, text: string): void
  /** What the head comes to; empty when there is none. */
  messages(): readonly ChatMessage[]
}

export function createSystemHead(dialect: ChatDialect): SystemHead {
  const parts: ChatSystemMessage[] = []
  return {
    add: (role, text) => {
      if (text !== '') parts.push({ role: toChatRole(role, dialect), content: text })
    },
    messages: () => (dialect.headSystem === 'keep' ? parts : mergeParts(parts)),
  }
}

export function toChatRole(role: SystemRole, dialect: ChatDialect): SystemRole {
  return role === 'developer' ? dialect.developerRole : 'system'
}

function mergeParts(parts: readonly ChatSystemMessage[]): readonly ChatMessage[] {
  if (parts.length === 0) return []
  // A head of developer messages alone stays the developer's where the upstream knows that role.
  const role = parts.every((part) => part.role === 'developer') ? 'developer' : 'system'
  return [{ role, content: parts.map((part) => part.content).join(SEPARATOR) }]
}
