/** The runner of `@openai/agents` before a scripted upstream. */
import { OpenAIProvider, Runner, tool } from '@openai/agents'
import type OpenAI from 'openai'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { openClient } from './openai.ts'
import type { Stage, StageOptions } from './stage.ts'

export interface RunnerOptions extends StageOptions {
  /** `responses` by default. */
  readonly wire?: 'responses' | 'socket' | 'chat'
}

export interface RunnerStage {
  readonly stage: Stage
  readonly client: OpenAI
  readonly runner: Runner
}

export async function openRunner(options: RunnerOptions): Promise<RunnerStage> {
  const { stage, client } = await openClient(options)
  const modelProvider = new OpenAIProvider({
    openAIClient: client,
    useResponses: options.wire !== 'chat',
    useResponsesWebSocket: options.wire === 'socket',
  })
  onTestFinished(() => modelProvider.close())
  // It would send its traces to OpenAI.
  const runner = new Runner({ modelProvider, tracingDisabled: true })
  return { stage, client, runner }
}

/** A tool, and the cities that it was asked for. */
export function weatherTool() {
  const asked: string[] = []
  const lookUp = tool({
    name: 'look_up',
    description: 'Looks a city up.',
    parameters: z.object({ city: z.string() }),
    execute: ({ city }) => {
      asked.push(city)
      return `${city}: fine`
    },
  })
  return { asked, lookUp }
}
