/** The `openai` package before a scripted upstream. */
import OpenAI from 'openai'
import { CLIENT_KEY, openStage, type Stage, type StageOptions } from './stage.ts'

export interface OpenAiStage {
  readonly stage: Stage
  readonly client: OpenAI
}

/** @param apiKey what the client presents to the bridge */
export async function openClient(
  options: StageOptions,
  apiKey: string = CLIENT_KEY,
): Promise<OpenAiStage> {
  const stage = await openStage(options)
  const client = new OpenAI({ baseURL: stage.baseUrl, apiKey, fetch: stage.fetch })
  return { stage, client }
}
