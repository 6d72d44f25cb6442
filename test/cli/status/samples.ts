/** What a bridge may answer, with names as hostile as clients can make them. */
import type { SessionAnswer, StatusAnswer } from '../../../src/cli/bridge/api-schemas.ts'

export const NOW_MS = Date.parse('2026-02-03T12:00:00.000Z')

const ago = (seconds: number): string => new Date(NOW_MS - seconds * 1000).toISOString()

export const limitOf = (
  changes: Record<string, unknown> = {},
): SessionAnswer['limits'][number] => ({
  limit_id: '5b0e7f6a-9f0a-4a4e-8f6f-4f6f0a4e8f6f',
  limit_type: 'hard',
  metric_type: 'cost_usd',
  limit_value: '20',
  current_usage: '12.345678901',
  warning_threshold: null,
  window_seconds: null,
  exceeded_at: null,
  exceeded_reason: null,
  expires_at: null,
  ...changes,
})

export const sessionOf = (changes: Record<string, unknown> = {}): SessionAnswer => ({
  session_id: 'sess_0123456789abcdef0123456789abcdef',
  status: 'active',
  limit_exceeded_reason: null,
  current_usage: { tokens: 1_234_567, cost_usd: '12.345678901', gpu_hours: 0.25, api_calls: 1042 },
  reserved: { tokens: 20_000, cost_usd: '1.5', gpu_hours: 0, api_calls: 1 },
  limits: [
    limitOf(),
    limitOf({ metric_type: 'tokens', limit_value: 2_000_000, current_usage: 1_234_567 }),
    limitOf({
      metric_type: 'gpu_hours',
      limit_type: 'rolling_window',
      window_seconds: 86_400,
      limit_value: 0.25,
      current_usage: 0.25,
    }),
  ],
  created_at: ago(8_000),
  expires_at: ago(-3_600),
  ended_at: null,
  session_type: 'api_call',
  ...changes,
})

const callOf = (changes: Record<string, unknown>) => ({
  request_id: 'req_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  session_id: 'sess_0123456789abcdef0123456789abcdef',
  model: 'synth-small',
  upstream: 'local',
  ...changes,
})

const activeOf = (changes: Record<string, unknown>): StatusAnswer['active_calls'][number] => ({
  ...callOf(changes),
  waits_for: 'answer',
  age_ms: 12_345,
  output_chars: 3_000,
  output_tokens_estimate: 1_000,
  tokens_per_second: 81.3,
  ...changes,
})

export const recentOf = (
  changes: Record<string, unknown>,
): StatusAnswer['recent_calls'][number] => ({
  ...callOf(changes),
  outcome: 'completed',
  status: 200,
  error_code: null,
  input_tokens: 21_800,
  output_tokens: 312,
  cost_usd: '0.003456',
  ended_at: ago(42),
  duration_ms: 4_321,
  ...changes,
})

/** Escape sequences, a forged line, a mark that turns the text around, wide characters. */
export const HOSTILE = 'a\u001b[2J\n\u202eb\u0007 日本語モデル-大 👩‍👩‍👧'

export const STATUS: StatusAnswer = {
  bridge: { status: 'ok', version: '0.1.0', uptime_seconds: 3_725, upstreams: ['local', 'groq'] },
  sessions: [
    sessionOf(),
    sessionOf({
      session_id: 'sess_fedcba9876543210fedcba9876543210',
      status: 'limit_exceeded',
      expires_at: null,
      current_usage: { tokens: 9, cost_usd: '0.05', gpu_hours: 0, api_calls: 3 },
      reserved: { tokens: 0, cost_usd: '0', gpu_hours: 0, api_calls: 0 },
      limits: [
        limitOf({ limit_value: '0.05', current_usage: '0.05', exceeded_at: ago(5) }),
        limitOf({ limit_type: 'soft', limit_value: '0.1', current_usage: '0.05' }),
      ],
    }),
    sessionOf({
      session_id: 'sess_00000000000000000000000000000000',
      expires_at: null,
      current_usage: { tokens: 12, cost_usd: '0.00001', gpu_hours: 0, api_calls: 1 },
      limits: [],
    }),
  ],
  active_calls: [
    activeOf({}),
    activeOf({ model: HOSTILE, waits_for: 'upstream', tokens_per_second: null, session_id: null }),
  ],
  recent_calls: [
    recentOf({}),
    recentOf({
      model: HOSTILE,
      request_id: `req_${HOSTILE}`,
      outcome: 'failed',
      error_code: 'upstream_idle_timeout',
      status: 504,
      output_tokens: null,
    }),
    recentOf({
      outcome: 'refused',
      error_code: 'session_cost_limit',
      status: 429,
      input_tokens: null,
      output_tokens: null,
      cost_usd: '0',
      duration_ms: 3,
    }),
    recentOf({ outcome: 'client_gone', status: null, ended_at: ago(4_000) }),
  ],
}
