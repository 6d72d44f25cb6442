import type { Answer } from './answer.ts'

export interface ChatRelayOptions {
  readonly write: (text: string) => void
  readonly includeUsage: boolean
}

export function createChatRelay(_options: ChatRelayOptions): Answer {
  throw new Error('The relay has not landed yet.')
}
