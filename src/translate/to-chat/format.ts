/** `text.format` as chat's `response_format`. */
import { z } from 'zod'
import { readAs } from '../../protocol/responses/read.ts'
import type { ResponsesRequest } from '../../protocol/responses/request.ts'
import type { ChatDialect } from '../dialect.ts'
import type { Drop } from './dropped.ts'

const JsonSchemaFormat = z.looseObject({
  name: z.string().min(1),
  schema: z.looseObject({}),
  description: z.string().nullish(),
  strict: z.boolean().nullish(),
})

/**
 * Undefined for plain text, which every upstream writes unasked.
 *
 * @throws {BridgeError} invalid_request for a json_schema format without its name or schema.
 */
export function toResponseFormat(
  { text }: ResponsesRequest,
  { jsonSchema }: ChatDialect,
  drop: Drop,
): unknown {
  const format = text?.format
  switch (format?.type) {
    case undefined:
    case 'text':
      return undefined
    case 'json_object':
      return { type: 'json_object' }
    case 'json_schema': {
      const { name, schema, description, strict } = readAs(JsonSchemaFormat, format, 'text.format')
      if (!jsonSchema) break
      return {
        type: 'json_schema',
        json_schema: {
          name,
          ...(description ? { description } : {}),
          schema,
          ...(typeof strict === 'boolean' ? { strict } : {}),
        },
      }
    }
  }
  drop('text.format')
  return undefined
}
