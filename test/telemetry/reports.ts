/** A report of a call, for those who are told of it. */
import { amounts } from '../../src/budget/metric.ts'
import type { CallReport } from '../../src/gateway/call-report.ts'

export function reportOf(changes: Partial<CallReport> = {}): CallReport {
  return {
    requestId: 'req_1',
    responseId: 'resp_1',
    clientRequestId: undefined,
    sessionId: 'sess_1',
    model: 'm',
    upstream: 'local',
    startedAtMs: 1_700_000_000_000,
    endedAtMs: 1_700_000_001_500,
    durationMs: 1_500,
    outcome: 'completed',
    status: 200,
    errorCode: null,
    attempts: 1,
    charged: amounts({ tokens: 107n, cost_usd: 1_230_000n, gpu_hours: 2_500n, api_calls: 1n }),
    charge: {
      amounts: amounts({ tokens: 107n }),
      outcome: 'exact',
      usage: {
        responseId: 'resp_1',
        inputTokens: 96,
        cachedInputTokens: 64,
        outputTokens: 11,
        details: {},
      },
    },
    usage: { inputTokens: 96, cachedInputTokens: 64, outputTokens: 11, reasoningTokens: 2 },
    route: 'responses',
    streaming: true,
    keyName: 'local',
    upstreamModel: 'upstream-m',
    upstreamBaseUrl: 'https://api.openai.com/v1',
    maxOutputTokens: undefined,
    firstTokenMs: 300,
    outputMs: 1_000,
    failures: [],
    cutBy: undefined,
    error: undefined,
    traceParent: undefined,
    ...changes,
  }
}
