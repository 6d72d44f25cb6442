/**
 * What the bridge changed in a request on its way, as steps: carried out in order on the request as
 * received they give the request as sent. A trace holds them in place of a second copy of a history that
 * is often megabytes.
 */
import { isRecord } from '../translate/narrow.ts'
import type { Step, TextEdit } from '../trial/change.ts'

/** A step of a trial's candidate, which says what asked for it; or one of the bridge's own. */
export type Change =
  | (Step & { readonly role?: string; readonly by?: string })
  /** Sets what stands at `from` in the request as received. */
  | { readonly op: 'copy'; readonly path: string; readonly from: string }

type Container = Record<string, unknown> | unknown[]

/** @returns a copy; `received` is left as it is. @throws {RangeError} for steps that fit another request. */
export function applyChanges(received: unknown, changes: readonly Change[]): unknown {
  const root: unknown[] = [structuredClone(received)]
  for (const change of changes) applyOne(root, received, change)
  return root[0]
}

function applyOne(root: unknown[], received: unknown, change: Change): void {
  const keys = ['0', ...keysOf(change.path)]
  const last = keys.pop() ?? ''
  let parent: unknown = root
  for (const key of keys) parent = memberOf(parent, key)
  if (!isContainer(parent)) throw new RangeError(`nothing at ${change.path}`)
  switch (change.op) {
    case 'set':
      setMember(parent, last, structuredClone(change.value))
      return
    case 'copy':
      setMember(parent, last, structuredClone(valueAt(received, change.from)))
      return
    case 'insert':
      if (!Array.isArray(parent)) throw new RangeError(`no list at ${change.path}`)
      parent.splice(Number(last), 0, structuredClone(change.value))
      return
    case 'remove':
      if (Array.isArray(parent)) parent.splice(Number(last), 1)
      else delete parent[last]
      return
    case 'edit': {
      const text = memberOf(parent, last)
      if (typeof text !== 'string') throw new RangeError(`no text at ${change.path}`)
      setMember(parent, last, edited(text, change.edits))
    }
  }
}

function edited(text: string, edits: readonly TextEdit[]): string {
  let from = 0
  let result = ''
  for (const { at, removed, inserted } of edits) {
    result += text.slice(from, at) + inserted
    from = at + removed
  }
  return result + text.slice(from)
}

const isContainer = (value: unknown): value is Container => Array.isArray(value) || isRecord(value)

function memberOf(value: unknown, key: string): unknown {
  if (!isContainer(value) || !Object.hasOwn(value, key)) throw new RangeError(`nothing at ${key}`)
  return Reflect.get(value, key)
}

/** A plain assignment of `__proto__` would set the object's prototype. */
export function setMember(target: Container, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}

export function keysOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
}

export function pointerOf(parent: string, key: string | number): string {
  const text = String(key)
  return `${parent}/${/[~/]/.test(text) ? text.replaceAll('~', '~0').replaceAll('/', '~1') : text}`
}

/** @throws {RangeError} */
function valueAt(root: unknown, pointer: string): unknown {
  let value = root
  for (const key of keysOf(pointer)) value = memberOf(value, key)
  return value
}
