/** Where a database is, and making it what this program needs. */
import { Client } from 'pg'
import { type Migrations, migrate } from './migrations.ts'

/** Another instance may be at it. */
const MIGRATION_TIMEOUT_MS = 60_000
const CONNECT_TIMEOUT_MS = 3_000

/** What may be shown of a connection string. */
export function placeOf(url: string): string {
  if (!URL.canParse(url)) return 'The database'
  const { hostname, port, pathname } = new URL(url)
  return `The database${pathname} at ${hostname || 'localhost'}:${port || '5432'}`
}

/** @throws {RangeError} for a schema that is no plain identifier */
export function checkSchema(schema: string): void {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) throw new RangeError(`schema "${schema}"`)
}

/** Over a line of its own: it may take longer than a call can wait. */
export async function migrateAt(url: string, schema: string, steps: Migrations): Promise<void> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: MIGRATION_TIMEOUT_MS,
    application_name: 'synth-bridge',
  })
  client.on('error', () => {
    // The statement under way fails with it.
  })
  try {
    await client.connect()
    await migrate(client, schema, steps)
  } finally {
    await client.end()
  }
}
