/** The matrix: every ending with every content and mode it is tried in, and how a cell is named. */
import { nearest } from '../config/nearest.ts'
import { CONTENTS, type Content } from './contents.ts'
import { ENDINGS, type Ending, type Mode } from './endings.ts'

export interface Cell {
  /** `ending/content/mode`. */
  readonly name: string
  readonly ending: Ending
  readonly content: Content
  readonly mode: Mode
}

export const CELLS: readonly Cell[] = ENDINGS.flatMap((ending) =>
  ending.contents.flatMap((content) =>
    ending.modes.map((mode) => ({
      name: `${ending.name}/${content.name}/${mode}`,
      ending,
      content,
      mode,
    })),
  ),
)

export type Selection =
  | { readonly ok: true; readonly cells: readonly Cell[] }
  | { readonly ok: false; readonly message: string }

/** Cells that one of the wishes names: an ending, a content, a mode, or several of them with slashes. */
export function selectCells(wishes: readonly string[]): Selection {
  if (wishes.length === 0) return { ok: true, cells: CELLS }
  for (const wish of wishes) {
    if (CELLS.some((cell) => isMeant(cell, wish))) continue
    const names = [...ENDINGS.map(({ name }) => name), ...CONTENTS.map(({ name }) => name)]
    const [meant] = nearest(wish, [...names, ...CELLS.map(({ name }) => name)])
    const hint = meant === undefined ? '' : ` Did you mean ${meant}?`
    const message = `No case is called ${JSON.stringify(wish)}.${hint} --list shows them all.`
    return { ok: false, message }
  }
  return { ok: true, cells: CELLS.filter((cell) => wishes.some((wish) => isMeant(cell, wish))) }
}

function isMeant({ name }: Cell, wish: string): boolean {
  const parts = name.split('/')
  return wish.split('/').every((part) => parts.includes(part))
}

/**
 * How a request tells the upstream which cell it belongs to. It stands in the user's message, the one
 * thing that every bridge carries as it is. The run's own word keeps caches out.
 */
export const markerOf = ({ name }: Pick<Cell, 'name'>, run: string): string =>
  `[conformance ${name} ${run}]`

const MARKER = /\[conformance ([a-z0-9-]+\/[a-z]+\/[a-z]+) ([\w-]+)\]/g

/** The cell that a chat request's body belongs to: the last one named, should a history hold several. */
export function findMarker(body: string): string | undefined {
  return [...body.matchAll(MARKER)].at(-1)?.[1]
}
