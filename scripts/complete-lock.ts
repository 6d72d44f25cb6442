/**
 * Names every platform's optional packages in the lock file. A registry that mirrors only some of them
 * makes npm leave the others out, and `npm ci` then refuses the lock on every machine. Run after an
 * install: `npm run complete-lock`.
 *
 * What is added has no integrity, because nobody here has seen the package; npm fetches it only on the
 * platform that it is for.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const LockSchema = z.looseObject({
  packages: z.record(
    z.string(),
    z.looseObject({
      dev: z.boolean().optional(),
      optionalDependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
})

/** By the word in a package's name: what npm calls the system. */
const SYSTEMS: Readonly<Record<string, string>> = {
  android: 'android',
  darwin: 'darwin',
  freebsd: 'freebsd',
  linux: 'linux',
  openharmony: 'openharmony',
  win32: 'win32',
  windows: 'win32',
}
const PROCESSORS = ['arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64']

/** The platform that a package's name ends in; undefined for one that is for no single platform. */
function platformOf(name: string): Record<string, string[]> | undefined {
  const words = name.split(/[/-]/)
  const system = words.flatMap((word) => SYSTEMS[word] ?? [])[0]
  const processor = PROCESSORS.find((each) => words.includes(each))
  if (system === undefined || processor === undefined) return undefined
  const libc = words.includes('musl') ? 'musl' : words.includes('gnu') ? 'glibc' : undefined
  return {
    cpu: [processor],
    ...(libc === undefined ? {} : { libc: [libc] }),
    os: [system],
  }
}

const path = join(import.meta.dirname, '../package-lock.json')
const lock = LockSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
const added: string[] = []
for (const [owner, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const places = [`${owner}/node_modules/${name}`, `node_modules/${name}`]
    const platform = platformOf(name)
    if (places.some((place) => place in lock.packages) || platform === undefined) continue
    const dev = entry.dev === true ? { dev: true } : {}
    lock.packages[`node_modules/${name}`] = { version, ...platform, ...dev, optional: true }
    added.push(name)
  }
}
const sorted = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)),
)
writeFileSync(path, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`)
process.stdout.write(`${added.length} packages added\n`)
