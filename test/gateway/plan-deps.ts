/** What planning needs, in front of one upstream that is never called. */
import { UpstreamSchema } from '../../src/config/schema-upstreams.ts'
import { modelSettings, upstreamSettings } from '../../src/config/settings.ts'
import type { PlanDeps } from '../../src/gateway/plan.ts'
import { memoryState } from './fakes.ts'

const BASE = { base_url: 'http://127.0.0.1:1/v1' }

export function depsFor(wire: 'chat' | 'responses', maxOutputTokens: number | undefined): PlanDeps {
  const resolved = {
    model: { ...modelSettings('m'), maxOutputTokens },
    upstream: upstreamSettings('local', UpstreamSchema.parse({ ...BASE, wire })),
    upstreamModel: 'real',
    apiKey: undefined,
  }
  return {
    ...memoryState(),
    models: { resolve: async () => resolved, list: async () => [] },
    seal: { seal: (plain) => plain, open: () => undefined },
    ids: { next: (prefix) => `${prefix}_1` },
    nowMs: () => 0,
    strict: false,
    userAgent: 'test',
    compileGrammars: async () => () => true,
    redact: (text) => text,
  }
}
