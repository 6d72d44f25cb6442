/**
 * Model names as labels. They are the client's, and a label that anybody can make up fills a time series
 * database: a model of the configuration always has its own, any other name gets one once an upstream has
 * answered to it, and after `maxOthers` of those the rest are `other`.
 */

/** What stands for the names that have no label of their own. */
export const OTHER = 'other'

export interface ModelLabels {
  of(model: string): string
  /** The upstream has answered to it. */
  answered(model: string): void
}

/** @param redact takes out what no series may be named by */
export function createModelLabels(
  configured: readonly string[],
  maxOthers: number,
  redact: (text: string) => string,
): ModelLabels {
  const known = new Set(configured)
  const most = known.size + maxOthers
  return {
    of: (model) => (known.has(model) ? redact(model) : OTHER),
    answered(model) {
      if (known.size < most) known.add(model)
    },
  }
}
