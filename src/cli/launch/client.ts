/** A client that a launcher starts: what differs between Codex and OpenCode. */

/** A model as the client is told of it. */
export interface LaunchModel {
  /** What the client asks the bridge for. */
  readonly name: string
  readonly contextWindow: number | undefined
  readonly maxOutputTokens: number | undefined
}

export type ClientFinding =
  | {
      readonly found: true
      readonly command: string
      /** Arguments that come before the client's own. */
      readonly arguments: readonly string[]
    }
  | { readonly found: false; readonly message: string }

export interface ClientSetup {
  /** The bridge's base URL, `/v1` included. */
  readonly baseUrl: string
  /** The environment variable that will hold the key of this launch. */
  readonly keyVariable: string
  /** A folder that is gone when the launch is over. */
  readonly folder: string
  /** The one to use; it is among `models`. */
  readonly model: LaunchModel
  readonly models: readonly LaunchModel[]
  /** What the user wants the client to be given, as it is. */
  readonly arguments: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface ClientCommand {
  readonly arguments: readonly string[]
  /** Beside what is inherited. */
  readonly env: Readonly<Record<string, string>>
}

export interface LaunchClient {
  readonly name: 'codex' | 'opencode'
  /** For people. */
  readonly title: string
  /** As Synth's own launchers call their sessions. */
  readonly sessionType: string
  find(env: Readonly<Record<string, string | undefined>>): ClientFinding
  /** Writes what the client needs into the folder, and nothing anywhere else. */
  prepare(setup: ClientSetup): Promise<ClientCommand>
  /** The model that the user's own arguments name. */
  modelIn(args: readonly string[]): string | undefined
  /** Whether it will print lines, and not draw a screen. */
  printsLines(args: readonly string[]): boolean
}

/** Options of a client that take a value in the argument after them. */
export type ValuedOptions = ReadonlySet<string>

/** The first argument that is neither an option nor an option's value: its command, or a prompt. */
export function firstWord(args: readonly string[], valued: ValuedOptions): string | undefined {
  for (let at = 0; at < args.length; at += 1) {
    const argument = args[at] ?? ''
    if (argument === '--') return undefined
    if (!argument.startsWith('-')) return argument
    if (valued.has(argument)) at += 1
  }
  return undefined
}

/** The value of `--model X`, `--model=X` or `-m X`; the last one, as clients take it. */
export function modelOption(args: readonly string[]): string | undefined {
  const end = args.indexOf('--')
  const own = end < 0 ? args : args.slice(0, end)
  return own
    .flatMap((argument, at) => {
      if (argument === '-m' || argument === '--model') return own[at + 1] ?? []
      return argument.startsWith('--model=') ? argument.slice('--model='.length) : []
    })
    .at(-1)
}
