/**
 * Reasoning that a model writes into its text, between `<think>` and `</think>` at its head.
 *
 * ```
 *   head ─<think>─▶ thinking ─</think>─▶ gap ─first visible unit─▶ text
 *    └─anything else─▶ untagged ─</think>─▶ gap
 *                          └─end, or another kind of output─▶ text
 * ```
 *
 * Many templates put the opening tag into the prompt, so that only the closing one is written. Text
 * that does not begin with a tag is therefore held until it is known which it was: the price of the
 * switch for an answer without tags is that its text comes at once. Inside the tags everything
 * streams, but for the units that may begin a tag. The white space around the tags is dropped.
 */

export interface ThinkTags {
  push(text: string): void
  /** No tag can follow: what is held leaves as what it was. */
  flush(): void
}

export interface ThinkTagsSink {
  reasoning(text: string): void
  text(text: string): void
}

const OPENING = '<think>'
const CLOSING = '</think>'
/** An answer longer than this before any closing tag is taken for text, to bound what is held. */
const MAX_HELD_CHARS = 262_144

type At = 'head' | 'thinking' | 'untagged' | 'gap' | 'text'

export function createThinkTags(sink: ThinkTagsSink): ThinkTags {
  let at: At = 'head'
  /** Grows by appending only: reading it on every push would copy it every time. */
  let held = ''
  /** In `head`: what is held without the white space before it. */
  let visible = ''
  /** In `untagged`: the end of what is held, where a closing tag may have begun. */
  let tail = ''

  function readHead(text: string): void {
    held += text
    visible += visible === '' ? text.trimStart() : text
    if (visible.startsWith(OPENING)) {
      at = 'thinking'
      held = ''
      readThinking(visible.slice(OPENING.length))
    } else if (!OPENING.startsWith(visible)) {
      at = 'untagged'
      const untagged = held
      held = ''
      readUntagged(untagged)
    }
  }

  function readThinking(text: string): void {
    const all = held + text
    held = ''
    const end = all.indexOf(CLOSING)
    if (end < 0) {
      const kept = tagPrefixLength(all)
      held = all.slice(all.length - kept)
      sendReasoning(all.slice(0, all.length - kept))
      return
    }
    sendReasoning(all.slice(0, end))
    readGap(all.slice(end + CLOSING.length))
  }

  function readUntagged(text: string): void {
    const searched = tail + text
    const found = searched.indexOf(CLOSING)
    held += text
    if (found >= 0) {
      const end = held.length - searched.length + found
      const all = held
      held = ''
      sendReasoning(all.slice(0, end))
      readGap(all.slice(end + CLOSING.length))
      return
    }
    tail = searched.slice(1 - CLOSING.length)
    if (held.length > MAX_HELD_CHARS) flush()
  }

  function readGap(text: string): void {
    at = 'gap'
    const visible = text.trimStart()
    if (visible === '') return
    at = 'text'
    sink.text(visible)
  }

  function sendReasoning(text: string): void {
    if (text !== '') sink.reasoning(text)
  }

  function flush(): void {
    const rest = held
    const was = at
    held = ''
    at = 'text'
    if (rest === '') return
    if (was === 'thinking') sink.reasoning(rest)
    else sink.text(rest)
  }

  return {
    push(text) {
      switch (at) {
        case 'head':
          return readHead(text)
        case 'thinking':
          return readThinking(text)
        case 'untagged':
          return readUntagged(text)
        case 'gap':
          return readGap(text)
        case 'text':
          return sink.text(text)
      }
    },
    flush,
  }
}

/** How many of the last units may begin a closing tag. */
function tagPrefixLength(text: string): number {
  for (let length = Math.min(CLOSING.length - 1, text.length); length > 0; length--) {
    if (CLOSING.startsWith(text.slice(text.length - length))) return length
  }
  return 0
}
