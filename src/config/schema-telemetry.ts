/** What a configuration says of logs. */
import { z } from 'zod'

export const LogSchema = z.enum(['auto', 'text', 'json'])
