/**
 * API keys as the usual providers shape them. Providers repeat the key they refuse; it is the
 * bridge's, not the client's, so it goes from every text of theirs.
 */
const KEY_SHAPE =
  /\bBearer\s+[\w~+/=*-]{12,}(?:\.[\w~+/=*-]+)*|\b(?:sk|gsk|xai|csk|hf|nvapi|r8|fw|tgp|pplx)[-_][\w*-]{12,}|\bAIza[\w-]{30,}/gi

export const REDACTED = '[redacted]'

export function withoutKeys(text: string): string {
  return text.replace(KEY_SHAPE, REDACTED)
}
