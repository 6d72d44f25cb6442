import { KEY_VARIABLE } from '../../rollout/keys.ts'
import { UsageError } from '../context.ts'
import { toVisible } from '../visible.ts'

/**
 * @returns what the contract's paths are put behind
 * @throws {UsageError} for what is no HTTP address
 */
export function taskAppUrlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain = url !== undefined && url.username + url.password + url.search + url.hash === ''
  if (isPlain && /^https?:$/.test(url.protocol))
    return url.origin + url.pathname.replace(/\/+$/, '')
  const shown = toVisible(text.replace(/\/\/[^/]*@/, '//…@').slice(0, 80))
  throw new UsageError(
    `--task-app "${shown}" is not the address of a task app, such as http://127.0.0.1:8001. Its key comes from ${KEY_VARIABLE}.`,
  )
}
