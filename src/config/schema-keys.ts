/** Which keys a configuration may have, read off its JSON Schema: for the docs and for suggestions. */
import type { KeyPath } from './key-path.ts'
import { configJsonSchema, type JsonSchema } from './schema.ts'

/** Stands for a name that the user chooses (`[models.NAME]`). */
export const ANY_NAME = 'NAME'

export interface KeyDescription {
  /** From the top, with `NAME` for a chosen name and 0 for any position. */
  readonly path: KeyPath
  readonly schema: JsonSchema
}

/** What stands below a table, list or table of chosen names; nothing below a plain value. */
function childrenOf(schema: JsonSchema): [key: string | number, child: JsonSchema][] {
  const option = schema.anyOf?.find(({ type }) => type === 'object' || type === 'array')
  if (option !== undefined) return childrenOf(option)
  if (schema.properties !== undefined) {
    return Object.entries(schema.properties).flatMap(([key, child]) =>
      typeof child === 'boolean' ? [] : [[key, child]],
    )
  }
  if (typeof schema.additionalProperties === 'object') {
    return [[ANY_NAME, schema.additionalProperties]]
  }
  const { items } = schema
  const isTable = typeof items === 'object' && !Array.isArray(items) && items.type === 'object'
  return isTable ? [[0, items]] : []
}

/** Every key, tables before what is in them, in the schema's order. */
export function listKeys(): KeyDescription[] {
  const list: KeyDescription[] = []
  const walk = (schema: JsonSchema, path: KeyPath): void => {
    for (const [key, child] of childrenOf(schema)) {
      list.push({ path: [...path, key], schema: child })
      walk(child, [...path, key])
    }
  }
  walk(configJsonSchema(), [])
  return list
}

/** The keys that the table at `path` may have; none where it is no table with fixed keys. */
export function keysAt(path: KeyPath): string[] {
  let schema: JsonSchema | undefined = configJsonSchema()
  for (const step of path) {
    const children: [string | number, JsonSchema][] = schema === undefined ? [] : childrenOf(schema)
    schema = children.find(([key]) => key === step || key === ANY_NAME || key === 0)?.[1]
  }
  if (schema === undefined) return []
  return childrenOf(schema).flatMap(([key]) =>
    typeof key === 'string' && key !== ANY_NAME ? [key] : [],
  )
}
