import { TranslatedChatRequestSchema } from '../../../src/protocol/chat/client-request.ts'
import { readAs } from '../../../src/protocol/responses/read.ts'
import { type ChatDialect, DEFAULT_DIALECT } from '../../../src/translate/dialect.ts'
import {
  fromChatRequest,
  type ResponsesTranslation,
} from '../../../src/translate/from-chat/index.ts'

export interface OptionChanges {
  readonly strict?: boolean
  readonly dialect?: Partial<ChatDialect>
}

export function translate(
  json: object,
  { strict = false, dialect }: OptionChanges = {},
): ResponsesTranslation {
  const request = readAs(TranslatedChatRequestSchema, { model: 'synth-small', ...json }, '')
  return fromChatRequest(request, {
    model: 'gpt-real',
    strict,
    dialect: { ...DEFAULT_DIALECT, ...dialect },
  })
}

export const user = (content: unknown) => ({ role: 'user', content })
