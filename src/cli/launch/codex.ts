/** Codex as the launcher starts it: `-c` overrides, and a catalogue in a folder that is thrown away. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codexCatalogue } from '../../codex/catalogue.ts'
import { findCodex } from '../../codex/find.ts'
import { codexOverrides } from '../../codex/launch.ts'
import { firstWord, type LaunchClient, modelOption } from './client.ts'

const CATALOGUE_FILE = 'models.json'

/** Codex's own tries, over those that the bridge makes: enough for a connection that breaks. */
const REQUEST_MAX_RETRIES = 1
const STREAM_MAX_RETRIES = 2

/** The options before a command that have their value in the argument after them. */
const VALUED: ReadonlySet<string> = new Set([
  ...['-c', '--config', '--enable', '--disable', '--remote', '--remote-auth-token-env'],
  ...['-i', '--image', '-m', '--model', '--local-provider', '-p', '--profile'],
  ...['-s', '--sandbox', '-a', '--ask-for-approval', '-C', '--cd', '--add-dir'],
])

const LINE_COMMANDS: ReadonlySet<string | undefined> = new Set(['exec', 'e', 'review'])

export const CODEX: LaunchClient = {
  name: 'codex',
  title: 'Codex',
  sessionType: 'codex_agent',
  find: (env) => findCodex(env),
  async prepare({ baseUrl, keyVariable, folder, model, models, arguments: own }) {
    const catalogPath = join(folder, CATALOGUE_FILE)
    // The one in use on top of Codex's picker.
    const ordered = [model, ...models.filter(({ name }) => name !== model.name)]
    const catalogue = codexCatalogue(
      ordered.map(({ name, contextWindow }) => ({ slug: name, contextWindow })),
    )
    await writeFile(catalogPath, JSON.stringify(catalogue))
    const overrides = codexOverrides({
      baseUrl,
      keyEnv: keyVariable,
      catalogPath,
      requestMaxRetries: REQUEST_MAX_RETRIES,
      streamMaxRetries: STREAM_MAX_RETRIES,
      extra: {
        // As an override and not as --model: every command of Codex takes it, and --model still wins.
        model: model.name,
        'features.goals': false,
        // A bridge that is gone does not come back on its own.
        'features.unbounded_connection_retries': false,
      },
    })
    return { arguments: [...overrides, ...own], env: {} }
  },
  modelIn: modelOption,
  printsLines: (args) => LINE_COMMANDS.has(firstWord(args, VALUED)),
}
