/** One question to an upstream that costs nothing: a JSON body out, a JSON body back. */
import { BridgeError } from '../errors.ts'
import { toUpstreamRejection } from '../translate/upstream-rejection.ts'
import type { Upstream, UpstreamTarget } from './ports.ts'

/** @throws {BridgeError} the upstream refused, failed, or answered with anything but one JSON body. */
export function askUpstream(
  upstream: Upstream,
  target: UpstreamTarget,
  question: unknown,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const refuse = (what: string) =>
      reject(new BridgeError('upstream_bad_answer', `${target.url} ${what}.`))
    upstream.send(
      {
        upstream: target.name,
        url: target.url,
        headers: target.headers,
        body: JSON.stringify(question),
        timeouts: target.timeouts,
      },
      {
        onSent() {},
        onAccepted() {},
        onMessage: () => refuse('streamed where one body was asked for'),
        onBody: resolve,
        // After a body it changes nothing: a promise settles once.
        onEnd: () => refuse('answered with nothing'),
        onRejected: (status, headers, body) =>
          reject(toUpstreamRejection({ upstream: target.name, status, headers, body })),
        onFailed: reject,
      },
    )
  })
}
