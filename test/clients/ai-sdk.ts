/** The `@ai-sdk/openai` provider before a scripted upstream. */
import { createOpenAI, type OpenAIProvider } from '@ai-sdk/openai'
import { type LanguageModel, tool } from 'ai'
import { z } from 'zod'
import { CLIENT_KEY, MODEL, openStage, type Stage, type StageOptions } from './stage.ts'

export interface ProviderStage {
  readonly stage: Stage
  readonly openai: OpenAIProvider
  /** On the Responses API. */
  readonly model: LanguageModel
}

export async function openProvider(options: StageOptions): Promise<ProviderStage> {
  const stage = await openStage(options)
  const openai = createOpenAI({ baseURL: stage.baseUrl, apiKey: CLIENT_KEY, fetch: stage.fetch })
  return { stage, openai, model: openai(MODEL) }
}

/** Without it the package refers to its earlier items instead of sending them. */
export const STATELESS = { openai: { store: false } }
/** It sends reasoning back only for models whose names it knows, or when told. */
export const REASONING = { openai: { store: false, forceReasoning: true } }

/** A tool, and the cities that it was asked for. */
export function weatherTool() {
  const asked: string[] = []
  const lookUp = tool({
    description: 'Looks a city up.',
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => {
      asked.push(city)
      return `${city}: fine`
    },
  })
  return { asked, tools: { look_up: lookUp } }
}
