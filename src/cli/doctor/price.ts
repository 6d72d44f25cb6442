/** Whether every model has a price: one without is refused while a cost limit is in force. */
import type { PriceDecision } from '../../budget/find-price.ts'
import { listedPrice } from '../../budget/price-list.ts'
import { formatKeyPath } from '../../config/key-path.ts'
import type { Config } from '../../config/schema.ts'
import type { Clock } from '../../gateway/ports.ts'
import { createPriceLookup } from '../../gateway/price-lookup.ts'
import type { Check } from './check.ts'
import { nameInFile, type Patient, type ServedModel } from './patients.ts'

export type PriceOf = (served: ServedModel) => PriceDecision

/** The lookup that admits calls; the bundled list is read only where an upstream may need it. */
export async function loadPriceOf(
  patients: readonly Patient[],
  clock: Pick<Clock, 'nowMs'>,
): Promise<PriceOf> {
  const isFree = patients.every(({ upstream }) => upstream.isLoopback)
  const list = isFree ? undefined : await import('../../budget/price-list.generated.ts')
  const lookup = createPriceLookup(
    (baseUrl, model, moment) =>
      list === undefined ? undefined : listedPrice(list.PRICE_LIST, baseUrl, model, moment),
    clock,
  )
  return (served) => lookup({ ...served, apiKey: undefined })
}

/** Whether a call can meet a limit in USD: of its session, or of its key. */
export function hasCostLimit({ session, keys }: Config): boolean {
  return session.limit_cost_usd !== '0' || keys.some((key) => key.max_cost_usd !== undefined)
}

const SOURCES: Readonly<Record<Extract<PriceDecision, { known: true }>['source'], string>> = {
  config: 'as configured',
  loopback: 'free: it runs on this machine',
  snapshot: 'from the bundled list',
}

export function checkPrice(patient: Patient, priceOf: PriceOf, isLimited: boolean): Check {
  const name = 'price'
  const { probed, configured } = patient
  const served = configured.length > 0 || probed === undefined ? configured : [probed]
  const [unpriced, ...more] = served.filter((model) => !priceOf(model).known)
  if (unpriced !== undefined) {
    const others = more.length === 0 ? '' : ` and ${more.length} more`
    const what = isLimited
      ? 'calls are refused while a cost limit is in force'
      : 'spend is not counted'
    const table = formatKeyPath(['models', nameInFile(unpriced, patient)])
    return {
      name,
      status: isLimited ? 'failed' : 'warning',
      detail: `none is known for ${JSON.stringify(unpriced.model.name)}${others}: ${what}`,
      fix: `Add to [${table}]: price = { input = "…", output = "…" }, USD per million tokens, or price = "free".`,
    }
  }
  const [first] = served
  const decision = first === undefined ? undefined : priceOf(first)
  if (decision?.known !== true) return { name, status: 'skipped', detail: 'no model' }
  return { name, status: 'ok', detail: SOURCES[decision.source] }
}
