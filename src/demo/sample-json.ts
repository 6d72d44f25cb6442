/**
 * The smallest value that fits a JSON Schema, for a model that is asked for JSON or made to call a
 * tool and has nothing of its own to say. It knows the keywords that tool and output schemas use.
 */

import { isRecord } from '../translate/narrow.ts'

const MAX_DEPTH = 16

/** A sample for `schema`; strings are `text` where the schema leaves them free. */
export function sampleJson(schema: unknown, text: string): unknown {
  return sample(schema, { root: schema, text, depth: 0 })
}

interface Place {
  readonly root: unknown
  readonly text: string
  readonly depth: number
}

type JsonObject = Readonly<Record<string, unknown>>

function sample(schema: unknown, place: Place): unknown {
  // A schema may refer to itself; what is that deep is optional in any schema that can be fulfilled.
  if (!isRecord(schema) || place.depth > MAX_DEPTH) return null
  const inner = { ...place, depth: place.depth + 1 }
  if ('const' in schema) return schema['const']
  if (Array.isArray(schema['enum'])) return schema['enum'][0]
  if (typeof schema['$ref'] === 'string') return sample(resolve(place.root, schema['$ref']), inner)
  for (const keyword of ['anyOf', 'oneOf', 'allOf']) {
    const options = schema[keyword]
    if (Array.isArray(options)) return sample(options[0], inner)
  }
  return sampleOfType(schema, inner)
}

function sampleOfType(schema: JsonObject, place: Place): unknown {
  switch (typeName(schema)) {
    case 'object': {
      const properties = isRecord(schema['properties']) ? schema['properties'] : {}
      const required = Array.isArray(schema['required']) ? schema['required'] : []
      return Object.fromEntries(
        Object.entries(properties)
          .filter(([key]) => required.includes(key))
          .map(([key, property]) => [key, sample(property, place)]),
      )
    }
    case 'array': {
      const least = typeof schema['minItems'] === 'number' ? schema['minItems'] : 0
      return Array.from({ length: Math.min(least, 8) }, () => sample(schema['items'], place))
    }
    case 'integer':
    case 'number':
      return typeof schema['minimum'] === 'number' ? schema['minimum'] : 0
    case 'boolean':
      return false
    case 'string':
      return place.text
    default:
      return null
  }
}

function typeName(schema: JsonObject): unknown {
  const type = schema['type']
  if (Array.isArray(type)) return type.find((name) => name !== 'null')
  return type ?? ('properties' in schema ? 'object' : undefined)
}

/** Only references into the same document; others are nobody's business offline. */
function resolve(root: unknown, reference: string): unknown {
  if (!reference.startsWith('#')) return undefined
  let target = root
  for (const step of reference.slice(1).split('/').filter(Boolean)) {
    const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
    target = isRecord(target) ? target[key] : undefined
  }
  return target
}
