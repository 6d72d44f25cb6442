/** The reference page of the commands, made from the program itself: `docs/cli.md`. */
import { listCommands } from '../../src/cli/completion/tree.ts'
import { systemContext } from '../../src/cli/context.ts'
import { createProgram } from '../../src/cli/main.ts'
import type { TestCli } from '../support/cli.ts'
import { createTestCli } from '../support/cli.ts'

const INTRODUCTION = `# Commands

<!-- Made from the commands' own help. \`npm run test:update\` writes it anew; the words between are in
test/cli/cli-reference.ts. -->

What holds for all of them:

- Exit code 0: done. 1: the answer is no (a check failed, nothing was found, a question was cancelled).
  2: wrong usage or a wrong configuration; the message names the flag, or the file, the line and the
  key, and the nearest one that is right.
- What is asked for goes to stdout, errors and logs go to stderr. \`--json\` prints the same as JSON, and
  nothing else; it asks no questions. An error with exit code 2 is text on stderr even then, except for
  \`config check\` and \`doctor\`, whose answer it is.
- Questions, colours and lines that are rewritten appear only on a terminal. Colours obey
  [\`NO_COLOR\`](https://no-color.org).
- No secret is printed or written: keys are named by the environment variable that holds them.
`

/** By command: what its help has no room for. */
const NOTES: Readonly<Record<string, string>> = {
  init: `On a terminal:

\`\`\`
┌  synth init
│
◇  Where is your model served?
│  ollama  http://127.0.0.1:11434/v1
│
│  Asking ollama what it serves …
│
◇  Which model?
│  qwen3-coder:30b
│
◇  What do you want to call it?
│  small
│
◇  How much may one session cost, in USD? (0: no limit)
│  5
│
│  Wrote synth.toml: model small at ollama (http://127.0.0.1:11434/v1).
│
└  Next: synth doctor, then synth codex
\`\`\`

A question whose answer a flag gives is not asked. Without a terminal, or with \`--yes\` or \`--json\`, none
is: \`--upstream-url\` says where, or \`--yes\` takes the first upstream that is found (\`--upstream NAME\`
another of them). Without \`--model\`, the model is the only one that the upstream lists, or the first chat
model of a server on this machine; else the file names none, and clients use the upstream's own names.
The server is asked for the model's context window, where it tells it.

An existing file is left alone unless \`--force\` is given. The file's name counts: see
[where a configuration is looked up](config.md).`,

  codex: `Before Codex starts, its upstream is looked at without spending anything: whether it answers, whether it takes the
key, whether it lists the model, and whether the model has a price while dollars are limited. Then a session
is opened beside all others, with a key of this launch alone: sub-agents and Codex's own title requests
count, another launch's do not.

- **Bridge**: that of \`--url\`; else a \`synth serve\` of the same version, configuration and provider keys;
  else one of its own on a free port of 127.0.0.1, in the same process.
- **Model**: \`--model\`, else Codex's own \`-m\` among its arguments, else the first in the file, else the only
  one that is offered.
- **Limits**: the flags, else \`[session]\` of the file (20 dollars by default). \`--no-limit\` sets none.
- **Codex** is told by \`-c\` overrides, which come before your own, by one variable with the key, and by a
  model catalogue in a temporary folder. Its \`config.toml\`, MCP servers and history are the user's own.
  Stdin, stdout and stderr are Codex's: nothing of ours goes to stdout.
- While \`exec\` or \`review\` runs and stderr is a terminal, its last row shows what is spent:
  \`synth  $0.0123 of $5.00, 12,345 tokens, 7 calls, 1m 20s\`.
- **The end**, whichever: Codex's exit code (128 and the number where a signal ended it), the session ended,
  one line on stderr: \`synth: spent $0.0123 of $5.00, 12,345 tokens, 7 calls in 1m 20s; $4.98 left\`.
  SIGTERM, SIGHUP and SIGQUIT are passed on to Codex, and SIGINT where Ctrl-C does not reach it by itself.
  What a killed launch leaves (its session, Codex, a folder) the next one ends.

Exit code 1 before Codex has started: it is not installed, or the upstream or the bridge cannot be used.`,

  opencode: `As \`synth codex\`, with \`opencode.toml\` and \`opencode-config.toml\` for the names of the file. OpenCode
is told by \`OPENCODE_CONFIG_CONTENT\`, which is added to what the variable holds already: a provider \`synth\`,
and its model for turns and titles alike. \`-m synth/NAME\` among its arguments chooses another. The last row
shows what is spent while \`run\` runs.`,

  'config check': `Every problem is a line \`file:line: key message\`, which editors and terminals link. With \`--json\`:
\`{"ok", "file", "upstreams", "models", "warnings", "problems": [{"file", "line", "key", "message"}]}\`.`,

  'config show': `A file without upstreams is shown with those that are found, each with its reason. With \`--json\`:
\`{"file", "values": [{"key", "value", "source"}], "warnings"}\`; a source is \`default\`, \`file:line\`,
a flag, or \`found: …\`.`,

  doctor: `Each upstream gets a plain turn, a turn in which the model is to call a tool, and the turn after that,
which holds the call and its result. They are Responses requests with the fields that Codex sends,
translated by the same code, sent over the same socket, and their answers read by the same machine as any
call's. What the bridge adds around a call is left out: no session is charged, and nothing is tried
twice, so that the first failure shows. The model is the one that \`--model\` names, else the first in the
file for that upstream, else one that the upstream lists.

| check | passes when | otherwise |
| --- | --- | --- |
| \`config\` | the file is right and there is an upstream | each problem with its place; exit code 2 |
| \`store\` | its file and \`state_dir\` can be written, or a PostgreSQL server answers | permissions, or another \`server.store\` |
| \`port\` | it is free, or a bridge runs there already | another \`server.port\` |
| \`codex\`, \`opencode\` | \`--version\` answers; one that is missing is no failure | how to install it |
| \`reachable\` | the address answers as a model server | start it, or correct \`base_url\` (most end in \`/v1\`) |
| \`key\` | a call goes through with it | the variable to set |
| \`model\` | the upstream lists the models that the file names, or lists none | a warning, with the nearest name |
| \`price\` | the file, the bundled list or the machine (a local model is free) gives one | the line to add; only a warning where no cost limit is in force |
| \`streams\` | the answer comes in pieces | streaming at the server, buffering at a proxy, or the [switches](guide.md) of an upstream that refuses a field |
| \`tools\` | the model calls the tool with sound arguments, and answers its result | serve it with tool calls on, or take another model |
| \`usage\` | every answer says what it used, or the model has \`usage = "estimate"\` | that setting |

\`reachable\` waits 5 s at most, each call as long as \`--timeout-s\` says. Upstreams are looked at side by
side. With \`--json\`: \`{"ok", "checks": [{"subject", "name", "status", "detail", "fix", "took_ms"}]}\`; the
subject is \`machine\` or \`upstreams.NAME\`, the status \`ok\`, \`warning\`, \`failed\` or \`skipped\`.`,

  session: `\`--json\` prints what the API answers: a session, an array of them, or for \`raise\` an array of limits
([budgets.md](budgets.md)). An id may be cut to its first digits, at least four, where they are those of one
session only. Exit code 1: no bridge answers, no such session, it is over, or the key may not.`,

  'session create': `A limit that no flag names is the one of \`[session]\`, so a plain \`synth session create\` has the limits of a
session that opens by itself. A session without any limit is warned of on stderr.`,

  'session raise': `\`--limit-cost-usd 25\` makes $25 of it, and is refused where that is not more than there is;
\`--limit-cost-usd +5\` adds $5. All that is asked for is checked before the first limit is raised.`,

  status: `In 80 columns, as [the tests](../fixtures/status/80.txt) hold it:

\`\`\`
synth 0.1.0  up 1h 2m  http://127.0.0.1:4141  upstreams: local, groq

Sessions 2
sess_01234567  active  1,042 calls  expires in 1h
  cost    ████████████████▒▒░░░░░░░░  $12.35 of $20.00  61%  $1.50 held
  tokens  ████████████████░░░░░░░░░░  1,234,567 of 2,000,000  61%  20,000 held
sess_fedcba98  limit_exceeded  3 calls
  cost  ██████████████████████████████  $0.05 of $0.05  100%

Running 1
MODEL        STATE      AGE  ~TOKENS  ~TOK/S  SESSION        UPSTREAM
synth-small  answering  12s    1,000      81  sess_01234567  local

Recent 2
ENDED    MODEL        OUTCOME                            TOKENS     COST  TOOK
42s ago  synth-small  completed                    21,800 → 312  $0.0035  4.3s
50s ago  synth-small  refused: session_cost_limit             -    $0.00   3ms
\`\`\`

\`▒\` is what running calls hold. A running call waits for admission (\`admission\`: other calls hold the rest of a
limit, or it is about to be tried again), for the upstream (\`waiting\`), or is \`answering\`. Tokens of a running call are
estimated from its characters, a token for three, as the budget does while it does not know better; its
rate is that of the last second or so, so that a stalled stream shows 0. Where there is less room, columns
go and names are cut; control characters in names are shown, not obeyed.

Calls are those of the bridge that is asked; where others run with the same configuration, the first line
names them. \`--watch\` asks once a second. When the bridge goes away, the last figures stay, with the fault above them,
until it is back. Not on a terminal, or where it cannot show a page (\`TERM=dumb\`), each change is a line with
its time: a session whose spend or status changed, a call that started, a call that ended. With
\`--json\`, each look is a line. The JSON is that of \`GET /api/v1/status\` ([guide](guide.md)).`,

  rollout: `Off a terminal each seed is a line as it ends; on one, a line that is rewritten shows how far the run is, the
mean reward, the spend and what went wrong:

\`\`\`
██████████░░░░░░░░░░  25/50  mean 0.62  $0.0123 of $5.00  1 failed  12s
\`\`\`

At the end there is a table of the seeds (of more than 50, those that are not done), as
[the tests](../fixtures/rollout/report-100.txt) hold it. With \`--json\`: \`{"job_id", "task_app", "task", "dialect",
"model", "session_id", "stopped", "seeds": {"total", "done", "failed", "incomplete", "not_run", "resumed"}, "reward":
{"mean", "deviation", "min", "max"}, "cost_usd", "tokens", "duration_ms", "out", "rollouts"}\`; \`stopped\` is null,
\`interrupted\`, \`budget\`, \`session\` or \`fault\`, and a rollout is a line of \`--out\`. Progress goes to stderr then. What a
line holds, what stops a run and how it goes on: [rollouts.md](rollouts.md). Exit code 1: not every seed is done.`,
}

/** The whole page, Markdown. */
export async function renderCliReference(): Promise<string> {
  const cli = createTestCli()
  const commands = listCommands(createProgram(systemContext(), () => {}))
  const sections = await Promise.all(commands.map(({ path }) => renderSection(path, cli)))
  return [INTRODUCTION, ...sections].join('\n')
}

async function renderSection(path: string, cli: TestCli): Promise<string> {
  const words = path.split(' ').filter((word) => word !== '')
  const { stdout } = await cli.run([...words, '--help'])
  const title = ['synth', ...words].join(' ')
  const notes = NOTES[path]
  return [
    `## \`${title}\``,
    '',
    '```',
    stdout.trimEnd(),
    '```',
    '',
    ...(notes === undefined ? [] : [notes, '']),
  ].join('\n')
}

/** Commands that have notes; a test holds them against those there are. */
export const NOTED = Object.keys(NOTES)
