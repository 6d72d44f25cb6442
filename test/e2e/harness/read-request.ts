/** What the tests look for in the requests that reached the upstream. */
import type { UpstreamBody, UpstreamMessage } from './upstream.ts'

/** The names of the tools offered, in order. */
export const toolNames = (body: UpstreamBody): string[] =>
  (body.tools ?? []).map((tool) => tool.function.name)

/** The calls of all assistant messages, in order. */
export const callsIn = (messages: readonly UpstreamMessage[]) =>
  messages.flatMap((message) => message.tool_calls ?? [])

/** The tools' outputs by the id of their call. */
export function outputsIn(messages: readonly UpstreamMessage[]): Record<string, string> {
  return Object.fromEntries(
    messages
      .filter((message) => message.role === 'tool')
      .map((message) => [message.tool_call_id ?? 'no id', messageText(message)]),
  )
}

/** A message's text, whether it came as a string or in parts. */
export function messageText({ content }: UpstreamMessage): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map((part: { text?: string }) => part.text ?? '').join('')
}
