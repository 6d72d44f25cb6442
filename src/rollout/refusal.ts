/** Why a task app's answer is none: what a user can do something about, in one line. */
import { isRecord, textOf } from '../translate/narrow.ts'
import { parseLooseJson } from './json.ts'
import { shorten } from './shorten.ts'

export interface TaskAppAnswer {
  readonly status: number
  /** In lower case; '' where there is none. */
  readonly contentType: string
  readonly text: string
}

/**
 * Whether the key was missing or wrong. The SDK answers 400 `unauthorised` on purpose, apps in other
 * languages 401 or 403.
 */
export function isKeyRefusal({ status, text }: TaskAppAnswer): boolean {
  return status === 401 || status === 403 || (status === 400 && /\bunauthori[sz]ed\b/i.test(text))
}

/** The SDK's answer when the app itself was started without its key. */
const isKeyMissingThere = ({ status, text }: TaskAppAnswer): boolean =>
  status === 503 && text.includes('missing_environment_api_key')

/** Completes "The task app …". Quotes no body where a key is at fault: some repeat the key. */
export function describeRefusal(answer: TaskAppAnswer): string {
  const { status, contentType, text } = answer
  if (isKeyRefusal(answer)) return `refused the key (HTTP ${status})`
  if (isKeyMissingThere(answer)) {
    return `was started without its own key (HTTP ${status}): set ENVIRONMENT_API_KEY where it runs`
  }
  if (status >= 300 && status < 400) return `answered with a redirect (HTTP ${status})`
  const said = isHtml(contentType, text) ? 'an HTML page' : saidIn(text)
  return `answered HTTP ${status}${said === '' ? '' : `: ${said}`}`
}

/** Completes "The task app …", for an answer with a good status that holds no JSON. */
export function describeNoJson({ contentType, text }: TaskAppAnswer): string {
  if (text.trim() === '') return 'answered with an empty body'
  if (isHtml(contentType, text)) return `answered with an HTML page: ${shorten(text, 80)}`
  return `answered with what is no JSON: ${shorten(text, 80)}`
}

const isHtml = (contentType: string, text: string): boolean =>
  contentType.includes('text/html') || /^\s*<(!doctype|html)\b/i.test(text)

/** The message of an error body in any of the usual shapes, else the body itself. */
function saidIn(text: string): string {
  const body = parseLooseJson(text)?.value
  if (!isRecord(body)) return shorten(text)
  const { error, detail } = body
  const message = [detail, error, body]
    .map((part) => (isRecord(part) ? textOf(part['message']) : textOf(part)))
    .find((part) => part !== '')
  return shorten(message ?? text)
}

/** Whether a strict container refuses the field `seed` (`extra="forbid"`). */
export function refusesSeed({ status, text }: TaskAppAnswer): boolean {
  return status === 422 && /extra_forbidden|extra inputs/i.test(text) && /\bseed\b/.test(text)
}
