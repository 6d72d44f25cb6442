/** How far a run is: a line that is rewritten on a terminal, else a line for each seed. */
import type { RolloutLine } from '../../rollout/line.ts'
import { amountText, durationText, spentText } from '../bridge/amounts.ts'
import type { SessionAnswer } from '../bridge/api-schemas.ts'
import type { CliContext } from '../context.ts'
import { joinPieces, renderBar } from '../layout.ts'
import { createStyle, type Style } from '../style.ts'
import { toVisible } from '../visible.ts'
import { finishedOf, rewardText, type Tally } from './tally.ts'

export interface Progress {
  /** A seed has ended. */
  line(line: RolloutLine, tally: Tally): void
  /** Time has passed. */
  pulse(tally: Tally, session: SessionAnswer | undefined): void
  /** Something that the user should know at once. */
  note(text: string): void
  /** Leaves the terminal to what comes next. */
  close(): void
}

const ERASE_LINE = '\r\u001b[2K'
const BAR_WIDTH = 20

/** @param isJson whether stdout is for JSON alone */
export function createProgress(context: CliContext, isJson: boolean, startedMs: number): Progress {
  const style = createStyle(context.hasColors)
  return context.isTerminal && !isJson
    ? createBar(context, style, startedMs)
    : createLines(context, isJson)
}

function createLines(context: CliContext, isJson: boolean): Progress {
  const say = isJson ? context.stderr : context.stdout
  return {
    line: (line, tally) => say(`${finishedOf(tally)}/${tally.total} ${lineText(line)}\n`),
    pulse: () => {},
    note: (text) => context.stderr(`synth: ${text}\n`),
    close: () => {},
  }
}

/** `seed 7 done reward 0.5 $0.0012 1.4s`. */
export function lineText({
  seed,
  status,
  reward,
  cost_usd,
  duration_ms,
  error,
}: RolloutLine): string {
  return [
    `seed ${seed} ${status}`,
    ...(reward === null ? [] : [`reward ${rewardText(reward)}`]),
    ...(cost_usd === null ? [] : [amountText('cost_usd', cost_usd, 'up')]),
    durationText(duration_ms),
    ...(error === null ? [] : [toVisible(error)]),
  ].join(' ')
}

function createBar(context: CliContext, style: Style, startedMs: number): Progress {
  /** Each cause is shown as it first comes; the table at the end has them all. */
  const causes = new Set<string>()
  let shown: { tally: Tally; session: SessionAnswer | undefined } | undefined
  const draw = (): void => {
    if (shown === undefined) return
    const { columns } = context
    const pieces = barPieces(shown.tally, shown.session, performance.now() - startedMs, style)
    // One column less: a terminal that has filled its last column may begin a new line.
    const line = joinPieces(pieces, columns === undefined ? undefined : columns - 1)
    context.stdout(ERASE_LINE + line)
  }
  const above = (text: string): void => {
    context.stdout(`${ERASE_LINE}${text}\n`)
    draw()
  }
  return {
    line(line, tally) {
      shown = { tally, session: shown?.session }
      if (line.error === null || causes.has(line.error)) return draw()
      causes.add(line.error)
      above(style.bad(lineText(line)))
    },
    pulse(tally, session) {
      shown = { tally, session: session ?? shown?.session }
      draw()
    },
    note: (text) => above(style.warning(`synth: ${text}`)),
    close: () => context.stdout(ERASE_LINE),
  }
}

/** `██████░░░░  23/50  mean 0.652  $0.0123 of $5.00  2 failed  12s`. */
export function barPieces(
  tally: Tally,
  session: SessionAnswer | undefined,
  elapsedMs: number,
  style: Style,
): { readonly text: string; readonly paint: (text: string) => string }[] {
  const plain = (text: string): string => text
  const finished = finishedOf(tally)
  const { mean } = tally.reward
  const wrong = [
    ...(tally.failed > 0 ? [`${tally.failed} failed`] : []),
    ...(tally.incomplete > 0 ? [`${tally.incomplete} incomplete`] : []),
  ]
  return [
    { text: renderBar(BAR_WIDTH, finished / tally.total, 0), paint: style.good },
    { text: `${finished}/${tally.total}`, paint: style.strong },
    ...(mean === undefined ? [] : [{ text: `mean ${rewardText(mean)}`, paint: plain }]),
    ...(session === undefined ? [] : [{ text: spentText(session), paint: plain }]),
    ...wrong.map((text) => ({ text, paint: style.bad })),
    { text: durationText(elapsedMs), paint: style.faint },
  ]
}
