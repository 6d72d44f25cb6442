/**
 * The ways in which an upstream's answer ends, odd ones among them: what the upstream does, what has to
 * become of it, and why. A row here is a row of docs/conformance.md.
 */
import { type ChatDelta, CONTENTS, type Content, cutDeltas, gather, type Said } from './contents.ts'
import type { Expectation } from './expectation.ts'
import {
  bodyPlay,
  type ChatWish,
  completionBody,
  DONE,
  deltaFrame,
  errorFrame,
  finishFrame,
  halfBodyPlay,
  type Play,
  SCRIPTED_USAGE,
  streamPlay,
  usageFrames,
} from './play.ts'

export type Mode = 'stream' | 'whole'

export interface Ending {
  readonly name: string
  readonly title: string
  readonly why: string
  readonly see: string
  readonly contents: readonly Content[]
  readonly modes: readonly Mode[]
  play(wish: ChatWish, content: Content): Play
  expect(content: Content): Expectation
}

const RESPONSES = 'https://www.openresponses.org/specification'
const RESPONSE_OBJECT = 'https://platform.openai.com/docs/api-reference/responses/object'
const CHAT_STREAM = 'https://platform.openai.com/docs/api-reference/chat-streaming'

/** What an error frame says; a client should get to read it. */
export const UPSTREAM_WORDS = 'The scripted upstream gave up.'
const UPSTREAM_ERROR = { message: UPSTREAM_WORDS, type: 'server_error', code: 'server_error' }
const LATE_TEXT = ' And sour.'
/** An error of the upstream is told as one of the server's. */
const SERVER_FAULT = [500, 599] as const
const NOTHING: Said = { reasoning: '', text: '', calls: [] }

const BOTH: readonly Mode[] = ['stream', 'whole']
const TEXT = CONTENTS.filter(({ name }) => name === 'text')
const LIVE = CONTENTS.filter(({ name }) => name === 'text' || name === 'reasoning')

const frames = (wish: ChatWish, deltas: readonly ChatDelta[]): string[] =>
  deltas.map((delta) => deltaFrame(wish, delta))

const completed = (content: Content): Expectation => ({
  is: 'completed',
  said: gather(content.deltas),
  usage: 'exact',
})

const failedAfter = (content: Content): Expectation => ({
  is: 'failed',
  said: gather(cutDeltas(content)),
  streams: 'all',
  statuses: SERVER_FAULT,
})

const refused = (least: number, most: number, code?: string): Expectation => ({
  is: 'failed',
  said: NOTHING,
  streams: 'all',
  statuses: [least, most],
  ...(code === undefined ? {} : { code }),
})

/** The whole answer, a finish, and what stands behind it in a stream. */
function finishing(wish: ChatWish, content: Content, behind: readonly string[]): Play {
  if (!wish.isStreaming) {
    return bodyPlay(completionBody(wish, content.deltas, content.finishReason))
  }
  const finish = finishFrame(wish, content.finishReason)
  return streamPlay([...frames(wish, content.deltas), finish, ...behind])
}

function cutShort(wish: ChatWish, content: Content, reason: string): Play {
  const deltas = cutDeltas(content)
  if (!wish.isStreaming) return bodyPlay(completionBody(wish, deltas, reason))
  return streamPlay([
    ...frames(wish, deltas),
    finishFrame(wish, reason),
    ...usageFrames(wish),
    DONE,
  ])
}

const errorBody = (message: string, type: string): string =>
  JSON.stringify({ error: { message, type, param: null, code: null } })

export const ENDINGS: readonly Ending[] = [
  {
    name: 'stop',
    title: 'a finish, usage, [DONE]',
    why: 'The plain case: what fails here fails everywhere.',
    see: CHAT_STREAM,
    contents: CONTENTS,
    modes: BOTH,
    play: (wish, content) => finishing(wish, content, [...usageFrames(wish), DONE]),
    expect: completed,
  },
  {
    name: 'stop-without-usage',
    title: 'a finish and [DONE], no usage',
    why: 'Many servers never tell usage. Waiting for it hangs; zeros are a lie that clients count by.',
    see: RESPONSE_OBJECT,
    contents: CONTENTS,
    modes: BOTH,
    play: (wish, content) =>
      wish.isStreaming
        ? finishing(wish, content, [DONE])
        : bodyPlay(completionBody(wish, content.deltas, content.finishReason, {})),
    expect: (content) => ({
      is: 'completed',
      said: gather(content.deltas),
      usage: 'none sent',
    }),
  },
  {
    name: 'length',
    title: 'cut by the token limit',
    why: 'Told as completed, a client takes half an answer for a whole one, and runs half a call.',
    see: RESPONSE_OBJECT,
    contents: CONTENTS,
    modes: BOTH,
    play: (wish, content) => cutShort(wish, content, 'length'),
    expect: (content) => ({
      is: 'incomplete',
      said: gather(cutDeltas(content)),
      reason: 'max_output_tokens',
      usage: 'exact',
    }),
  },
  {
    name: 'content-filter',
    title: 'cut by a content filter',
    why: 'A filtered answer is no whole one, and no full context window either.',
    see: RESPONSE_OBJECT,
    contents: CONTENTS,
    modes: BOTH,
    play: (wish, content) => cutShort(wish, content, 'content_filter'),
    expect: (content) => ({
      is: 'incomplete',
      said: gather(cutDeltas(content)),
      reason: 'content_filter',
      usage: 'exact',
    }),
  },
  {
    name: 'done-without-finish',
    title: '[DONE] without a finish',
    why: 'Some servers never send a finish_reason; [DONE] says as well that nothing is missing.',
    see: CHAT_STREAM,
    contents: CONTENTS,
    modes: BOTH,
    play: (wish, content) =>
      wish.isStreaming
        ? streamPlay([...frames(wish, content.deltas), ...usageFrames(wish), DONE])
        : bodyPlay(completionBody(wish, content.deltas, null)),
    expect: completed,
  },
  {
    name: 'finish-without-done',
    title: 'a finish without [DONE]',
    why: 'Some servers never send [DONE]; behind a finish the end of the body is a normal end.',
    see: CHAT_STREAM,
    contents: CONTENTS,
    modes: BOTH,
    play: (wish, content) => finishing(wish, content, usageFrames(wish)),
    expect: completed,
  },
  {
    name: 'usage-after-done',
    title: 'usage behind [DONE]',
    why: 'Without the figures a client cannot tell how full its context is.',
    see: RESPONSE_OBJECT,
    contents: CONTENTS,
    modes: BOTH,
    play: (wish, content) => finishing(wish, content, [DONE, ...usageFrames(wish)]),
    expect: (content) => ({
      is: 'completed',
      said: gather(content.deltas),
      usage: 'exact or null',
    }),
  },
  {
    name: 'finish-twice',
    title: 'the finish, with usage, twice',
    why: 'Every finish handled is a second terminal event, or usage added up.',
    see: RESPONSES,
    contents: CONTENTS,
    modes: BOTH,
    play: (wish, content) => {
      const usage = wish.wantsUsage ? { usage: SCRIPTED_USAGE } : {}
      return finishing(wish, content, [
        finishFrame(wish, content.finishReason, usage),
        ...usageFrames(wish),
        DONE,
      ])
    },
    expect: completed,
  },
  {
    name: 'text-after-finish',
    title: 'text behind the finish',
    why: 'Deltas of an item that is closed, or events behind the terminal one, break strict clients.',
    see: RESPONSES,
    contents: CONTENTS,
    modes: ['stream'],
    play: (wish, content) =>
      finishing(wish, content, [
        deltaFrame(wish, { content: LATE_TEXT }),
        ...usageFrames(wish),
        DONE,
      ]),
    expect: (content) => ({
      is: 'completed',
      said: gather(content.deltas),
      optionalText: LATE_TEXT,
      usage: 'exact',
    }),
  },
  {
    name: 'eof',
    title: 'the body ends, without finish or [DONE]',
    why: 'A proxy or a killed server looks like this. Silent success loses work; half a call is run.',
    see: RESPONSES,
    contents: CONTENTS,
    modes: BOTH,
    play: (wish, content) =>
      wish.isStreaming
        ? streamPlay(frames(wish, cutDeltas(content)))
        : halfBodyPlay(completionBody(wish, content.deltas, content.finishReason), 'cut'),
    expect: failedAfter,
  },
  {
    name: 'reset',
    title: 'the connection is reset in the middle',
    why: 'Whatever breaks, the client needs a terminal event, and no call that was cut.',
    see: RESPONSES,
    contents: CONTENTS,
    modes: BOTH,
    play: (wish, content) =>
      wish.isStreaming
        ? streamPlay(frames(wish, cutDeltas(content)), 'reset')
        : halfBodyPlay(completionBody(wish, content.deltas, content.finishReason), 'reset'),
    expect: (content) => ({
      is: 'failed',
      said: gather(cutDeltas(content)),
      streams: 'a prefix',
      statuses: SERVER_FAULT,
    }),
  },
  {
    name: 'error-frame',
    title: 'an error in the middle of a 200',
    why: 'The status is spent by then, so servers write errors into the stream. Unread, they look like an end.',
    see: RESPONSES,
    contents: CONTENTS,
    modes: BOTH,
    play: (wish, content) => {
      const deltas = cutDeltas(content)
      return wish.isStreaming
        ? streamPlay([...frames(wish, deltas), errorFrame(UPSTREAM_ERROR), DONE])
        : bodyPlay(completionBody(wish, deltas, null, { error: UPSTREAM_ERROR }))
    },
    expect: (content) => ({
      is: 'failed',
      said: gather(cutDeltas(content)),
      streams: 'all',
      statuses: SERVER_FAULT,
      words: UPSTREAM_WORDS,
    }),
  },
  {
    name: 'pause',
    title: 'a pause until the client has seen something',
    why: 'A bridge that gathers the answer before it sends any of it streams in name only.',
    see: RESPONSES,
    contents: LIVE,
    modes: ['stream'],
    play: (wish, content) => ({
      ...finishing(wish, content, [...usageFrames(wish), DONE]),
      pauseAfter: content.cutAfter,
    }),
    expect: completed,
  },
  {
    name: 'error-first',
    title: 'an error as the only thing in a 200',
    why: 'Routers refuse this way. A completed response without output ends an agent’s work unseen.',
    see: RESPONSES,
    contents: TEXT,
    modes: BOTH,
    play: (wish) =>
      wish.isStreaming
        ? streamPlay([errorFrame(UPSTREAM_ERROR)])
        : bodyPlay(JSON.stringify({ error: UPSTREAM_ERROR })),
    expect: () => ({
      is: 'failed',
      said: NOTHING,
      streams: 'all',
      statuses: SERVER_FAULT,
      words: UPSTREAM_WORDS,
    }),
  },
  {
    name: 'html',
    title: 'an HTML page with status 200',
    why: 'A wrong base URL or a login page answers so; an empty success would hide it.',
    see: RESPONSES,
    contents: TEXT,
    modes: BOTH,
    play: () =>
      bodyPlay('<!doctype html>\n<html><body><h1>Log in</h1></body></html>\n', 200, 'text/html'),
    expect: () => refused(...SERVER_FAULT),
  },
  {
    name: 'status-500',
    title: 'HTTP 500',
    why: 'A client tries again on a 5xx only if it sees one.',
    see: RESPONSES,
    contents: TEXT,
    modes: BOTH,
    play: () => bodyPlay(errorBody(UPSTREAM_WORDS, 'server_error'), 500),
    expect: () => refused(...SERVER_FAULT),
  },
  {
    name: 'status-429',
    title: 'HTTP 429',
    why: 'A client slows down only if it is told to.',
    see: RESPONSES,
    contents: TEXT,
    modes: BOTH,
    play: () => bodyPlay(errorBody('Slow down.', 'rate_limit_error'), 429),
    expect: () => refused(429, 429, 'rate_limit_exceeded'),
  },
  {
    name: 'status-401',
    title: 'HTTP 401',
    why: 'A key that the upstream refuses is no empty answer. Some bridges call it their own fault: any error will do.',
    see: RESPONSES,
    contents: TEXT,
    modes: BOTH,
    play: () => bodyPlay(errorBody('Bad key.', 'authentication_error'), 401),
    expect: () => refused(400, 599),
  },
]
