/** Writes `src/budget/price-list.generated.ts` from the installed package, as of today. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSnapshot, renderSnapshot } from './price-snapshot.ts'

const list = createSnapshot(new Date().toISOString().slice(0, 10))
const path = join(import.meta.dirname, '../src/budget/price-list.generated.ts')
writeFileSync(path, renderSnapshot(list))
const models = list.providers.reduce((count, { models }) => count + models.length, 0)
process.stdout.write(
  `${list.source}: ${list.providers.length} providers, ${models} models, as of ${list.date}\n`,
)
