/** What could not be carried, gathered while a request is translated. */

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
