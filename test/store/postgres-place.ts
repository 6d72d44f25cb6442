/** A real PostgreSQL on 127.0.0.1:5432 (trust, database `test`), or the one of `TEST_POSTGRES_URL`. */
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'

export const POSTGRES_URL =
  process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'

export async function query<Row>(sql: string, values: unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: POSTGRES_URL, connectionTimeoutMillis: 2_000 })
  await client.connect()
  try {
    return (await client.query(sql, values)).rows
  } finally {
    await client.end()
  }
}

/** False where there is none, which only CI does not allow. */
export async function hasPostgres(): Promise<boolean> {
  try {
    await query('SELECT 1')
    return true
  } catch {
    if (process.env['CI'] === 'true') throw new Error(`PostgreSQL is not there: ${POSTGRES_URL}`)
    process.stderr.write(`skipped: no PostgreSQL at ${POSTGRES_URL}\n`)
    return false
  }
}

const schemas: string[] = []

/** Of this test file's own, until `dropSchemas`. */
export function newSchema(): string {
  const schema = `test_${randomUUID().replaceAll('-', '')}`
  schemas.push(schema)
  return schema
}

export async function dropSchemas(): Promise<void> {
  for (const schema of schemas.splice(0)) await query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
}
