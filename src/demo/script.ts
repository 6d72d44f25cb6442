/**
 * What the built-in model says: a pure function of the conversation so far, so that the same request
 * always gets the same answer and the model needs no memory.
 *
 * Asked with the demo's prompt, it works like a coding model: it reads a file with a command, writes
 * another one with a patch that holds what the command printed, then says so. The model cannot know
 * the seed but from the command's output, so a right file proves the whole way there and back.
 */
import {
  messageText,
  offeredTool,
  type ScriptedMessage,
  type ScriptedRequest,
} from './chat-request.ts'
import { sortMail } from './mail-sorter.ts'
import { sampleJson } from './sample-json.ts'

/** The built-in model as it is configured: its name, window, and a price like a small model's. */
export const DEMO_MODEL = {
  name: 'synth-demo',
  contextWindow: 131_072,
  /** USD per million tokens. */
  price: { input: '0.15', cached_input: '0.015', output: '0.60' },
} as const

export const DEMO_SEED_FILE = 'seed.txt'
export const DEMO_RESULT_FILE = 'greeting.txt'
export const DEMO_PROMPT = `Read ${DEMO_SEED_FILE}, then write a greeting with the seed in it to ${DEMO_RESULT_FILE}.`

interface ScriptedCall {
  readonly name: string
  /** JSON text, as a model writes it. */
  readonly arguments: string
}

export interface ScriptedAnswer {
  readonly text: string
  readonly calls: readonly ScriptedCall[]
}

/** The text `DEMO_RESULT_FILE` holds after a demo with that seed. */
export function demoGreeting(seed: string): string {
  return `Hello from Codex, through synth-bridge.\nThe seed is ${seed}.\n`
}

/** The content of `DEMO_SEED_FILE`. */
export function demoSeedLine(seed: string): string {
  return `seed: ${seed}\n`
}

const say = (text: string): ScriptedAnswer => ({ text, calls: [] })

/** The next step of the conversation. Total: every request has an answer. */
export function nextAnswer(request: ScriptedRequest): ScriptedAnswer {
  const asked = request.messages.findLastIndex((message) => message.role === 'user')
  const prompt = request.messages[asked]
  if (prompt !== undefined && messageText(prompt).includes(DEMO_PROMPT)) {
    const outputs = request.messages.slice(asked).filter((message) => message.role === 'tool')
    return demoStep(request, outputs)
  }
  return forcedCall(request) ?? askedJson(request) ?? say(sortedMail(request) ?? INTRODUCTION)
}

const INTRODUCTION = [
  `This is ${DEMO_MODEL.name}, the scripted model that is built into synth-bridge.`,
  'It cannot think; it answers everything with this text, so that you can see that the way to it works.',
  'Run `synth demo` to see Codex do a small task with it.',
  'To use a real model, write a configuration with `synth init`, or set a key such as OPENAI_API_KEY, or start a local server such as Ollama.',
].join(' ')

/** The one thing that it can do besides: the example task of a rollout. */
function sortedMail({ messages }: ScriptedRequest): string | undefined {
  const textsOf = (role: string): string =>
    messages
      .filter((message) => message.role === role)
      .map(messageText)
      .join('\n')
  return sortMail(textsOf('system'), textsOf('user'))
}

function demoStep(request: ScriptedRequest, outputs: readonly ScriptedMessage[]): ScriptedAnswer {
  const [command, patch] = outputs
  if (command === undefined) {
    return callTool(request, 'exec_command', `I will read ${DEMO_SEED_FILE} first.`, () => ({
      cmd: `cat ${DEMO_SEED_FILE}`,
    }))
  }
  const seed = /seed: (\S+)/.exec(messageText(command))?.[1]
  if (seed === undefined) {
    return say(`I could not find the seed. The command printed: ${messageText(command)}`)
  }
  if (patch === undefined) {
    // A freeform tool reaches a chat model as a function with one string; its name is the bridge's.
    return callTool(
      request,
      'apply_patch',
      `The seed is ${seed}. Now the greeting.`,
      (property) => ({
        [property]: addFilePatch(DEMO_RESULT_FILE, demoGreeting(seed)),
      }),
    )
  }
  if (!messageText(patch).includes(DEMO_RESULT_FILE)) {
    return say(`The patch did not apply: ${messageText(patch)}`)
  }
  return say(`Done: ${DEMO_RESULT_FILE} greets you with the seed ${seed}.`)
}

function addFilePatch(path: string, content: string): string {
  const lines = content.trimEnd().split('\n')
  return [
    '*** Begin Patch',
    `*** Add File: ${path}`,
    ...lines.map((line) => `+${line}`),
    '*** End Patch',
  ].join('\n')
}

function callTool(
  request: ScriptedRequest,
  name: string,
  text: string,
  makeArguments: (firstProperty: string) => unknown,
): ScriptedAnswer {
  const tool = offeredTool(request, name)
  if (tool === undefined) return say(`I need the tool ${name}, which I was not offered.`)
  const json = JSON.stringify(makeArguments(firstProperty(tool.parameters) ?? 'input'))
  return { text, calls: [{ name, arguments: json }] }
}

function firstProperty(parameters: unknown): string | undefined {
  if (typeof parameters !== 'object' || parameters === null) return undefined
  if (!('properties' in parameters)) return undefined
  return Object.keys(parameters.properties ?? {})[0]
}

/** `tool_choice` that leaves no choice: the named tool, or the first one for `required`. */
function forcedCall(request: ScriptedRequest): ScriptedAnswer | undefined {
  const choice = request.tool_choice
  const name = choice === 'required' ? request.tools?.[0]?.function?.name : choice?.function.name
  if (name === undefined) return undefined
  const tool = offeredTool(request, name)
  if (tool === undefined) return undefined
  const sample = sampleJson(tool.parameters, DEMO_MODEL.name) ?? {}
  return { text: '', calls: [{ name, arguments: JSON.stringify(sample) }] }
}

function askedJson(request: ScriptedRequest): ScriptedAnswer | undefined {
  const format = request.response_format
  if (format?.type === 'json_object') return say(JSON.stringify({ answer: INTRODUCTION }))
  if (format?.type !== 'json_schema') return undefined
  return say(JSON.stringify(sampleJson(format.json_schema?.schema, DEMO_MODEL.name)))
}
