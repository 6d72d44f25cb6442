/** The price of a resolved model, looked up once for each model and upstream. */
import { findPrice, type PriceDecision } from '../budget/find-price.ts'
import type { Price } from '../budget/price.ts'
import type { ResolvedModel } from './models.ts'

/** What the bundled list says of a model at an upstream's address. */
export type ListedPrice = (baseUrl: string, model: string) => Price | undefined

export function createPriceLookup(listed: ListedPrice): (resolved: ResolvedModel) => PriceDecision {
  const known = new Map<string, PriceDecision>()
  return ({ model, upstream, upstreamModel }) => {
    const key = `${upstream.name} ${model.name}`
    let decision = known.get(key)
    if (decision === undefined) {
      decision = findPrice({
        name: model.name,
        configured: model.price,
        isLoopback: upstream.isLoopback,
        listed: listed(upstream.baseUrl, upstreamModel),
      })
      known.set(key, decision)
    }
    return decision
  }
}
