/** The reference page of the configuration, made from its schema: `docs/config.md`. */
import { formatKeyPath, type KeyPath } from '../../src/config/key-path.ts'
import type { JsonSchema } from '../../src/config/schema.ts'
import { ANY_NAME, type KeyDescription, listKeys } from '../../src/config/schema-keys.ts'

const INTRODUCTION = `# Configuration

<!-- Made from src/config/schema*.ts. \`npm run test:update\` writes it anew; do not edit it by hand. -->

A TOML file. It is looked up in this order: \`--config\`; \`$SYNTH_CONFIG\`; in the working folder
\`codex-config.toml\`, \`codex.toml\`, \`synth.toml\` (for \`synth opencode\`: \`opencode-config.toml\`,
\`opencode.toml\`, \`synth.toml\`); \`~/.config/synth/synth.toml\`. Without any, everything has its default
and upstreams are found (below). [\`codex-config.toml\`](../codex-config.toml) is a commented example of
every key; [\`config.schema.json\`](config.schema.json) lets editors complete and check a file whose
first line is \`#:schema ./docs/config.schema.json\`.

The file is strict: a key that is not listed here is an error, which names the line and the nearest
key. Secrets are never in it: keys that end in \`_env\` name an environment variable. Amounts (USD, hours,
GPUs) may be written as integers, decimals or strings, and are read digit by digit, never through a
float. Relative paths start at the folder of the file.

\`synth config check\` reads a file, \`synth config show\` prints every effective value with where it
comes from, \`synth config schema\` prints the JSON Schema.
`

const DISCOVERY = `## Without upstreams

A file without \`[upstreams]\` (or no file) uses what it finds:

- every provider whose key is in the environment (\`OPENAI_API_KEY\`, \`OPENROUTER_API_KEY\`, …; its
  \`…_BASE_URL\` moves it elsewhere), and Synth's own service where both \`SYNTH_API_KEY\` and
  \`SYNTH_BASE_URL\` are set;
- model servers on this machine's usual ports: Ollama (11434, or \`OLLAMA_HOST\`), LM Studio (1234),
  llama.cpp (8080), vLLM (8000);
- with none of them, the built-in scripted model \`synth-demo\`.

With several, \`upstream/model\` selects one; a bare name goes to the only upstream that lists it.
`

/** The whole page, Markdown. */
export function renderConfigReference(): string {
  const keys = listKeys()
  const sections = keys
    .filter(({ path }) => path.length === 1)
    .map((key) => renderSection(key, keys))
  return [INTRODUCTION, ...sections, DISCOVERY].join('\n')
}

function renderSection(section: KeyDescription, keys: readonly KeyDescription[]): string {
  const [name] = section.path
  const inside = keys.filter(({ path, schema }) => path[0] === name && isPlain(path, schema))
  const rows = inside.map(({ path, schema }) => renderRow(path, schema, section))
  return [
    `## \`${tableHeader(section)}\``,
    '',
    String(section.schema.description ?? ''),
    '',
    '| key | value | default | |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

const isPlain = (path: KeyPath, schema: JsonSchema): boolean =>
  path.length > 1 &&
  path.at(-1) !== ANY_NAME &&
  path.at(-1) !== 0 &&
  schema.properties === undefined

function tableHeader({ path, schema }: KeyDescription): string {
  const name = formatKeyPath(path)
  if (schema.type === 'array') return `[[${name}]]`
  return schema.properties === undefined ? `[${name}.${ANY_NAME}]` : `[${name}]`
}

function renderRow(path: KeyPath, schema: JsonSchema, section: KeyDescription): string {
  const skipped = section.schema.properties === undefined ? 2 : 1
  const key = path
    .slice(skipped)
    .filter((step) => typeof step === 'string')
    .join('.')
  const [text, ownDefault] = String(schema.description ?? '').split(' Default: ')
  const cells = [
    `\`${key}\``,
    renderKind(schema),
    ownDefault?.replace(/\.$/, '') ?? renderDefault(path, schema),
    text ?? '',
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function renderKind(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => code(value)).join(', ')
  if (schema.const !== undefined) return code(schema.const)
  if (schema.anyOf !== undefined) return schema.anyOf.map(renderKind).join(' or ')
  if (Array.isArray(schema.type)) return 'amount'
  switch (schema.type) {
    case 'integer':
      return renderRange(schema)
    case 'array':
      return 'list'
    case 'object':
      return 'table'
    default:
      return schema.type ?? ''
  }
}

function renderRange({ minimum, maximum }: JsonSchema): string {
  const isBounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
  return isBounded ? `integer, ${minimum} to ${maximum}` : `integer, from ${minimum}`
}

/** A default is a key's own, or, under a name of the user's, what an empty entry gets. */
function renderDefault(path: KeyPath, schema: JsonSchema): string {
  if (schema.default !== undefined) return code(schema.default)
  return isRequired(path) ? 'required' : ''
}

function isRequired(path: KeyPath): boolean {
  const owner = listKeys().find(
    ({ path: other }) => formatKeyPath(other) === formatKeyPath(path.slice(0, -1)),
  )?.schema
  const table = owner?.anyOf?.find(({ type }) => type === 'object') ?? owner
  return table?.required?.includes(String(path.at(-1))) ?? false
}

const code = (value: unknown): string => `\`${JSON.stringify(value)}\``
