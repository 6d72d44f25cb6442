/** What could not be carried, gathered while a request is translated, and when that is too much. */
import { BridgeError } from '../../errors.ts'

/** Notes one loss by its name on the client's side: `truncation`, `tools.web_search`, `input.compaction`. */
export type Drop = (name: string) => void

export interface DropList {
  readonly drop: Drop
  /** Sorted and unique. */
  list(): string[]
}

export function createDropList(): DropList {
  const names = new Set<string>()
  return {
    drop: (name) => {
      names.add(name)
    },
    list: () => [...names].sort(),
  }
}

/**
 * @param carried What is left of the conversation.
 * @param param The client's name for it.
 * @throws {BridgeError} cannot_carry when strict and anything was lost, or when nothing is left.
 */
export function refuseLoss(
  carried: readonly unknown[],
  dropped: readonly string[],
  strict: boolean,
  param: 'input' | 'messages',
): void {
  if (strict && dropped.length > 0) {
    throw new BridgeError(
      'cannot_carry',
      `The upstream cannot be given: ${dropped.join(', ')}. Leave it out, or set strict = false to drop it.`,
    )
  }
  if (carried.length === 0) {
    const lost = dropped.length === 0 ? '' : ` (left out: ${dropped.join(', ')})`
    const said = `Nothing of ${param === 'input' ? 'the input' : 'messages'} can be sent to the upstream${lost}.`
    throw new BridgeError('cannot_carry', said, { param })
  }
}
