/** Keeps a proxy of the user's from being asked for the bridge: it could not reach this machine. */

type Environment = Readonly<Record<string, string | undefined>>

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy']
const EXCEPTIONS = ['NO_PROXY', 'no_proxy'] as const

/** What to set beside the environment, so that `url` is reached directly; nothing without a proxy. */
export function withoutProxyFor(url: string, env: Environment): Record<string, string> {
  if (!PROXIES.some((name) => (env[name] ?? '') !== '')) return {}
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  const given = EXCEPTIONS.map((name) => env[name] ?? '').find((list) => list !== '')
  const list = given === undefined ? host : `${given},${host}`
  // Which of the two spellings counts differs from library to library.
  return Object.fromEntries(EXCEPTIONS.map((name) => [name, list]))
}
