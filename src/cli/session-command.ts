/** `synth session`: sessions and their limits, on a running bridge. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { acceptAmount, acceptLimit, addLimitOptions } from './bridge/limits.ts'
import { addBridgeOptions } from './bridge/options.ts'
import type { CliContext } from './context.ts'
import { examples } from './options.ts'
import type { CreateFlags, ListFlags, RaiseFlags } from './session/run.ts'

const STATUSES = ['active', 'limit_exceeded', 'ended', 'expired']
const MAX_LISTED = 1000
const DEFAULT_LISTED = 20

const ID_HELP = 'id of the session, or its first digits'

function parseListed(text: string): number {
  const count = Number(text)
  if (!/^\d{1,4}$/.test(text) || count < 1 || count > MAX_LISTED) {
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_LISTED}.`)
  }
  return count
}

const UNIT_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** `90m`, `8h`, `7d`, or an ISO 8601 time; as an ISO 8601 time. */
function parseExpiry(text: string): string {
  const [, count = '', unit = ''] = /^(\d{1,5})([mhd])$/.exec(text) ?? []
  const ms = unit === '' ? Date.parse(text) : Date.now() + Number(count) * (UNIT_MS[unit] ?? 0)
  const isTime = unit !== '' || /^\d{4}-\d\d-\d\d/.test(text)
  if (!isTime || Number.isNaN(ms)) {
    throw new InvalidArgumentError(
      'It must be like 90m, 8h or 7d, or a time like 2026-01-31T18:00Z.',
    )
  }
  if (ms <= Date.now()) throw new InvalidArgumentError('It must be in the future.')
  return new Date(ms).toISOString()
}

export function addSessionCommand(
  program: Command,
  context: CliContext,
  setExit: (code: number) => void,
): void {
  const session = program
    .command('session')
    .summary('list, open, raise or end sessions')
    .description(
      'Shows and changes the sessions of a running bridge: what each has spent of which limit. Yours are those of your key; without [[keys]], all.',
    )

  addBridgeOptions(
    session
      .command('list')
      .summary('list sessions, the newest first')
      .description(
        'Lists your sessions, the newest first. Not on a terminal: a line each, with tabs between id, status, dollars spent, dollar limit, tokens, calls and the time it was opened.',
      )
      .addOption(new Option('--status <status>', 'only these').choices(STATUSES))
      .addOption(
        new Option('--limit <count>', 'how many at most')
          .argParser(parseListed)
          .default(DEFAULT_LISTED),
      ),
  )
    .addHelpText(
      'after',
      examples(
        'synth session list',
        'synth session list --status active',
        `synth session list --json | jq -r '.[] | [.session_id, .current_usage.cost_usd] | @tsv'`,
      ),
    )
    .action(async (flags: ListFlags) => {
      const { listSessions } = await import('./session/run.ts')
      setExit(await listSessions(flags, context))
    })

  addBridgeOptions(
    session
      .command('show')
      .summary('show one session, with its limits')
      .description('Shows one session: what it has spent, its limits, and what running calls hold.')
      .argument('<id>', ID_HELP),
  )
    .addHelpText(
      'after',
      examples('synth session show sess_1f0c', 'synth session show 1f0c --json'),
    )
    .action(async (id: string, flags) => {
      const { showSession } = await import('./session/run.ts')
      setExit(await showSession(id, flags, context))
    })

  const create = session
    .command('create')
    .summary('open a session')
    .description(
      'Opens a session. It takes the place of your active one, which ends, unless --no-active is given. Limits that no flag names come from [session]. Not on a terminal it prints the id alone.',
    )
  addLimitOptions(create, (what) => `limit in ${what}; 0 is none`, acceptLimit)
  addBridgeOptions(
    create
      .option('--no-limit', 'without any limit')
      .option('--active', 'take the place of your active session', true)
      .option('--no-active', 'leave your active session; takes only calls that name it')
      .addOption(
        new Option(
          '--expires <when>',
          'when it ends by itself: 90m, 8h, 7d, or an ISO 8601 time',
        ).argParser(parseExpiry),
      ),
  )
    .addHelpText(
      'after',
      examples(
        'synth session create --limit-cost-usd 5',
        'ID=$(synth session create --no-active --limit-tokens 200000 --expires 8h)',
      ),
    )
    .action(async (flags: CreateFlags) => {
      const { createSession } = await import('./session/run.ts')
      setExit(await createSession(flags, context))
    })

  addBridgeOptions(
    session
      .command('end')
      .summary('end a session')
      .description(
        'Ends a session for good and prints what was spent. Calls that are running finish within its limits.',
      )
      .argument('<id>', ID_HELP),
  )
    .addHelpText('after', examples('synth session end sess_1f0c'))
    .action(async (id: string, flags) => {
      const { endSession } = await import('./session/run.ts')
      setExit(await endSession(id, flags, context))
    })

  const raise = session
    .command('raise')
    .summary('raise the limits of a session')
    .description(
      'Raises limits of a session; one that was stopped at its limit goes on. A plain amount is what the limit shall be, +AMOUNT is added to it.',
    )
    .argument('<id>', ID_HELP)
  addLimitOptions(
    raise,
    (what) => `new limit in ${what}, or + and how many more`,
    (metric, text) => acceptAmount(metric, text.replace(/^\+/, '')),
  )
  addBridgeOptions(
    raise.option('--limit-id <id>', 'which limit, where the session has several of its kind'),
  )
    .addHelpText(
      'after',
      examples(
        'synth session raise sess_1f0c --limit-cost-usd 25',
        'synth session raise sess_1f0c --limit-cost-usd +5 --limit-tokens +100000',
      ),
    )
    .action(async (id: string, flags: RaiseFlags) => {
      const { raiseLimits } = await import('./session/run.ts')
      setExit(await raiseLimits(id, flags, context))
    })
}
