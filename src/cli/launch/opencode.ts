/** OpenCode as the launcher starts it: one environment variable, which wins over the user's files. */
import { z } from 'zod'
import { findOnPath } from '../../codex/find.ts'
import { tryParse } from '../../translate/narrow.ts'
import { UsageError } from '../context.ts'
import { firstWord, type LaunchClient, type LaunchModel, modelOption } from './client.ts'

const PROVIDER_ID = 'synth'
const CONFIG_VARIABLE = 'OPENCODE_CONFIG_CONTENT'

/** OpenCode needs both figures or neither; a model whose window nobody knows gets its own defaults. */
const FALLBACK_OUTPUT_TOKENS = 8192

const VALUED: ReadonlySet<string> = new Set([
  ...['--log-level', '--port', '--hostname', '--cors', '-m', '--model', '-s', '--session'],
  ...['--prompt', '--agent', '--title', '--format', '-f', '--file', '--attach', '--dir'],
  ...['--variant', '--command', '--mdns-domain', '-p', '--password', '-u', '--username'],
])

const MISSING = [
  'OpenCode was not found: there is no `opencode` on the PATH.',
  'Install it with `npm install --global opencode-ai`, then try again.',
].join('\n')

const ConfigSchema = z.looseObject({ provider: z.looseObject({}).optional() })

export const OPENCODE: LaunchClient = {
  name: 'opencode',
  title: 'OpenCode',
  sessionType: 'opencode_agent',
  find(env) {
    const command = findOnPath('opencode', env)
    if (command === undefined) return { found: false, message: MISSING }
    return { found: true, command, arguments: [] }
  },
  async prepare({ baseUrl, keyVariable, model, models, arguments: own, env }) {
    const provider = {
      npm: '@ai-sdk/openai-compatible',
      name: 'Synth Bridge',
      options: { baseURL: baseUrl, apiKey: `{env:${keyVariable}}` },
      models: Object.fromEntries(models.map((each) => [each.name, toEntry(each)])),
    }
    const given = givenConfig(env[CONFIG_VARIABLE])
    const config = {
      ...given,
      provider: { ...given.provider, [PROVIDER_ID]: provider },
      model: `${PROVIDER_ID}/${model.name}`,
      // Titles and summaries would otherwise go to whichever small model the user has a key for.
      small_model: `${PROVIDER_ID}/${model.name}`,
    }
    return { arguments: own, env: { [CONFIG_VARIABLE]: JSON.stringify(config) } }
  },
  modelIn(args) {
    const named = modelOption(args)
    const prefix = `${PROVIDER_ID}/`
    return named?.startsWith(prefix) ? named.slice(prefix.length) : undefined
  },
  printsLines: (args) => firstWord(args, VALUED) === 'run',
}

/** What the user has in the variable already stays, beside the bridge. */
function givenConfig(text: string | undefined): z.infer<typeof ConfigSchema> {
  if (text === undefined || text.trim() === '') return {}
  const parsed = ConfigSchema.safeParse(tryParse(text)?.value)
  if (parsed.success) return parsed.data
  throw new UsageError(`$${CONFIG_VARIABLE} holds no JSON object. Correct it, or unset it.`)
}

function toEntry({ name, contextWindow, maxOutputTokens }: LaunchModel) {
  if (contextWindow === undefined) return { name }
  const output = Math.min(maxOutputTokens ?? FALLBACK_OUTPUT_TOKENS, contextWindow)
  return { name, limit: { context: contextWindow, output } }
}
