/** The price of a resolved model, looked up once in a quarter of an hour for each model and upstream. */
import { findPrice, type PriceDecision } from '../budget/find-price.ts'
import type { Price } from '../budget/price.ts'
import type { ResolvedModel } from './models.ts'
import type { Clock } from './ports.ts'

/** What the bundled list says of a model at an upstream. */
export type ListedPrice = (
  baseUrl: string,
  model: string,
  moment: { readonly upstreamName: string; readonly nowMs: number },
) => Price | undefined

/** Prices change at whole hours and half ones. */
const KEPT_MS = 900_000
/** Clients choose the names that go to `[models."*"]`. */
const MAX_KEPT = 1000

export function createPriceLookup(
  listed: ListedPrice,
  clock: Pick<Clock, 'nowMs'>,
): (resolved: ResolvedModel) => PriceDecision {
  const known = new Map<string, PriceDecision>()
  let keptSince = 0
  return ({ model, upstream, upstreamModel }) => {
    const nowMs = clock.nowMs()
    const since = nowMs - (nowMs % KEPT_MS)
    if (since !== keptSince || known.size >= MAX_KEPT) known.clear()
    keptSince = since
    const key = JSON.stringify([upstream.name, model.name, upstreamModel])
    let decision = known.get(key)
    if (decision === undefined) {
      decision = findPrice({
        name: model.name,
        configured: model.price,
        isLoopback: upstream.isLoopback,
        listed: listed(upstream.baseUrl, upstreamModel, { upstreamName: upstream.name, nowMs }),
      })
      known.set(key, decision)
    }
    return decision
  }
}
