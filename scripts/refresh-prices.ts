/** Writes `src/budget/price-list.generated.ts` from the installed package. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSnapshot, installedVersion, renderSnapshot } from './price-snapshot.ts'

const PATH = join(import.meta.dirname, '../src/budget/price-list.generated.ts')

/** The day on which the installed version was published: its prices are those of that day. */
function releaseDate(version: string): string {
  const name = `@pydantic/genai-prices@${version}`
  const answer = execFileSync('npm', ['view', name, 'time', '--json'], { encoding: 'utf8' })
  const times: Record<string, string> = JSON.parse(answer)
  const time = times[version]
  if (time === undefined) throw new Error(`The registry does not say when ${name} was published.`)
  return time.slice(0, 10)
}

const list = await createSnapshot(process.argv[2] ?? releaseDate(installedVersion()))
writeFileSync(PATH, renderSnapshot(list))
const models = list.providers.reduce((count, { models }) => count + models.length, 0)
process.stdout.write(
  `${list.source} of ${list.date}: ${list.providers.length} providers, ${models} models\n`,
)
