import { expect, test } from 'vitest'
import {
  describeNoJson,
  describeRefusal,
  isKeyRefusal,
  refusesSeed,
} from '../../src/rollout/refusal.ts'

const answer = (status: number, text: string, contentType = 'application/json') => ({
  status,
  text,
  contentType,
})

const rows = [
  { given: answer(401, '{"error":"sk_env_12345"}'), key: true, says: 'refused the key (HTTP 401)' },
  { given: answer(403, ''), key: true, says: 'refused the key (HTTP 403)' },
  {
    given: answer(400, '{"detail":{"code":"unauthorised","message":"allowed: sk_env_abcdefgh"}}'),
    key: true,
    says: 'refused the key (HTTP 400)',
  },
  { given: answer(400, '{"detail":"bad seed"}'), key: false, says: 'answered HTTP 400: bad seed' },
  {
    given: answer(503, '{"detail":{"code":"missing_environment_api_key"}}'),
    key: false,
    says: 'was started without its own key (HTTP 503): set ENVIRONMENT_API_KEY where it runs',
  },
  {
    given: answer(500, '{"error":{"message":"boom\\nat line 3"}}'),
    key: false,
    says: 'answered HTTP 500: boom at line 3',
  },
  { given: answer(500, '{"message":"boom"}'), key: false, says: 'answered HTTP 500: boom' },
  {
    given: answer(502, '<html>', 'text/html'),
    key: false,
    says: 'answered HTTP 502: an HTML page',
  },
  { given: answer(500, ''), key: false, says: 'answered HTTP 500' },
  { given: answer(302, ''), key: false, says: 'answered with a redirect (HTTP 302)' },
]

test.each(rows)('$says', ({ given, key, says }) => {
  expect(isKeyRefusal(given)).toBe(key)
  expect(describeRefusal(given)).toBe(says)
})

test.each([
  { given: answer(200, '<!DOCTYPE html><p>hi'), says: 'an HTML page: <!DOCTYPE html>' },
  { given: answer(200, ' '), says: 'an empty body' },
  { given: answer(200, 'pong', 'text/plain'), says: 'what is no JSON: pong' },
])('$says', ({ given, says }) => {
  expect(describeNoJson(given)).toContain(says)
})

test('a strict container says that it does not know the field seed', () => {
  const body = '{"detail":[{"type":"extra_forbidden","loc":["body","seed"]}]}'
  expect(refusesSeed(answer(422, body))).toBe(true)
  expect(refusesSeed(answer(422, body.replace('seed', 'policy')))).toBe(false)
  expect(refusesSeed(answer(400, body))).toBe(false)
})
