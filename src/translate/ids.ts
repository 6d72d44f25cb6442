/** Where ids and the time come from. Injected, so that a replay is exact. */

export type IdPrefix =
  | 'resp'
  | 'msg'
  | 'rs'
  | 'fc'
  | 'ctc'
  | 'tsc'
  | 'call'
  | 'item'
  | 'conv'
  | 'cmp'
  | 'trace'

export interface Ids {
  /** A fresh id, `prefix_` and at least 128 random bits. */
  next(prefix: IdPrefix): string
}
