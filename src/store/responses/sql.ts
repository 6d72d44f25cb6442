/**
 * The little that responses need of a database. The statements are written once, in what SQLite and
 * PostgreSQL have in common; parameters are `$1`, `$2`, ….
 */
import { StoreUnavailable } from '../../gateway/ledger-port.ts'
import type { Awaitable } from '../rows.ts'

export type Param = string | number | null | Uint8Array
/** Integers come back as numbers, or as their digits: times and sizes, never amounts. */
export type Row = Readonly<Record<string, unknown>>

export interface Sql {
  all(statement: string, params: readonly Param[]): Awaitable<readonly Row[]>
}

function damaged(name: string, value: unknown): StoreUnavailable {
  return new StoreUnavailable('corrupt', `The database holds ${typeof value} as ${name}.`)
}

export function text(row: Row, name: string): string {
  const value = row[name]
  if (typeof value !== 'string') throw damaged(name, value)
  return value
}

export function integer(row: Row, name: string): number {
  const value = row[name]
  // PostgreSQL's driver hands out what may be beyond a number as text.
  if (typeof value === 'string' && /^-?\d{1,15}$/.test(value)) return Number(value)
  if (typeof value !== 'number') throw damaged(name, value)
  return value
}

export const textIfAny = (row: Row, name: string): string | undefined =>
  row[name] === null ? undefined : text(row, name)

export const integerIfAny = (row: Row, name: string): number | undefined =>
  row[name] === null ? undefined : integer(row, name)
