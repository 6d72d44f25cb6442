/** The task without its server: which message a seed is, what the model is asked, what its answer is worth. */
import { DESKS, type Message, SPLITS, type Split } from './messages.ts'

export const TASK = {
  id: 'support-mail',
  name: 'Support mail',
  description: 'Send a message to a shop to the desk that it belongs to.',
  version: '1',
} as const

/** Every seed is a message, always the same one. */
export function messageOf(split: Split, seed: number): Message {
  const messages: readonly Message[] = SPLITS[split]
  const message = messages[seed % messages.length]
  if (message === undefined) throw new Error(`The split ${split} is empty.`)
  return message
}

export const isSplit = (name: unknown): name is Split =>
  typeof name === 'string' && Object.hasOwn(SPLITS, name)

/** Deliberately plain: a candidate that explains the desks does better. */
const INSTRUCTION = `Answer with the desk that the message belongs to: ${DESKS.join(', ')}.`

export interface ChatMessage {
  readonly role: 'system' | 'user'
  readonly content: string
}

export const promptOf = ({ text }: Message): ChatMessage[] => [
  { role: 'system', content: INSTRUCTION },
  { role: 'user', content: text },
]

/** The only desk that the answer names, or undefined. */
export function deskIn(answer: string): string | undefined {
  const named = DESKS.filter((desk) => new RegExp(`\\b${desk}\\b`, 'i').test(answer))
  return named.length === 1 ? named[0] : undefined
}

/** 1 for the right desk, else 0. */
export const rewardOf = (message: Message, answer: string): number =>
  deskIn(answer) === message.desk ? 1 : 0
