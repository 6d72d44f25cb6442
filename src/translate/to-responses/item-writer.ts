/** What every kind of output item has in common while it is written. */
import type { OutputItem } from '../../protocol/responses/items.ts'

export interface Place {
  readonly itemId: string
  readonly outputIndex: number
}

export type ClosedStatus = 'completed' | 'incomplete'

export interface ItemWriter {
  /** The item as it left, or undefined while it is open. Set by `close`. */
  item: OutputItem | undefined
  /** Sends the dones of the item and of whatever is open inside it. Once. */
  close(status: ClosedStatus): void
}
