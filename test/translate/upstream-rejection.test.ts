import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import { toUpstreamRejection } from '../../src/translate/upstream-rejection.ts'

const reject = (status: number, body: string, headers = {}) =>
  toUpstreamRejection({ upstream: 'local', status, headers, body })

const rows: { name: string; status: number; body: string; code: ErrorCode; says: RegExp }[] = [
  {
    name: 'the OpenAI shape',
    status: 400,
    body: '{"error":{"message":"Unsupported parameter","type":"invalid_request_error","code":"unsupported_parameter"}}',
    code: 'upstream_rejected',
    says: /answered 400: Unsupported parameter$/,
  },
  {
    name: 'a bare string (Venice)',
    status: 404,
    body: '{"error":"Specified model not found: x"}',
    code: 'upstream_rejected',
    says: /Specified model not found: x$/,
  },
  {
    name: 'FastAPI’s detail (Mistral)',
    status: 401,
    body: '{"detail":"Invalid API Key"}',
    code: 'upstream_auth',
    says: /Invalid API Key\. Check the key of \[upstreams\.local\]\.$/,
  },
  {
    name: 'the provider’s own words behind the router’s',
    status: 400,
    body: '{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"maximum context length is 8192 tokens"}}}',
    code: 'context_length_exceeded',
    says: /Provider returned error: maximum context length/,
  },
  {
    name: 'a used-up quota',
    status: 429,
    body: '{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}',
    code: 'upstream_quota',
    says: /exceeded your current quota/,
  },
  {
    name: 'a page of HTML',
    status: 503,
    body: '<html><body>503 nginx</body></html>',
    code: 'upstream_error',
    says: /gave no reason that can be shown \(it sent an HTML page\)\.$/,
  },
  {
    name: 'a line of text of some proxy',
    status: 503,
    body: 'no healthy upstream\n',
    code: 'upstream_error',
    says: /answered 503: no healthy upstream$/,
  },
  {
    name: 'bytes that are no text',
    status: 500,
    body: '\u0000\u0001\u0002',
    code: 'upstream_error',
    says: /it sent something that is not text/,
  },
  { name: 'nothing', status: 502, body: '', code: 'upstream_error', says: /gave no reason/ },
  {
    name: 'a redirect',
    status: 302,
    body: '',
    code: 'upstream_bad_answer',
    says: /Redirects are not followed/,
  },
]

describe('toUpstreamRejection', () => {
  test.each(rows)('$name', ({ status, body, code, says }) => {
    const error = reject(status, body)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(says)
    expect(error.status).toBe(status < 400 ? 502 : status)
  })

  test('keeps the upstream’s own code and its Retry-After', () => {
    const error = reject(404, '{"error":{"message":"No.","code":"model_not_found"}}', {
      'retry-after': ['7'],
    })
    expect(error.upstreamCode).toBe('model_not_found')
    expect(error.headers).toEqual({ 'retry-after': '7' })
  })
})

const corpus = process.env['BRIDGE_CORPUS']

describe.skipIf(corpus === undefined)('recorded error bodies (BRIDGE_CORPUS)', () => {
  const folder = join(corpus ?? '.', 'errors')
  const files = corpus === undefined ? [] : readdirSync(folder)

  test.each(files)('%s has its reason shown and its status kept', (file) => {
    const status = Number(/--(\d{3})/.exec(file)?.[1] ?? 400)
    const error = reject(status, readFileSync(join(folder, file), 'utf8'))
    expect(error.message).not.toContain('gave no reason')
    expect(error.status).toBe(status < 400 ? 502 : status)
    if (status === 401) expect(error.code).toBe('upstream_auth')
    if (/context-length/.test(file)) expect(error.code).toBe('context_length_exceeded')
  })
})
