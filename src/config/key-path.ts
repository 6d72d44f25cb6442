/** Where a value stands in a configuration: the keys and array positions that lead to it. */
export type KeyPath = readonly (string | number)[]

const BARE_KEY = /^[A-Za-z0-9_-]+$/

/** The path as TOML would write it: `models."gpt-5.1".price.tiers[0].above`. */
export function formatKeyPath(path: KeyPath): string {
  let text = ''
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`
    else text += `${text === '' ? '' : '.'}${BARE_KEY.test(key) ? key : JSON.stringify(key)}`
  }
  return text
}
