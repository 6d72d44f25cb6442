/**
 * A line to PostgreSQL that breaks where it is told to: at the COMMIT of the transaction that names a
 * certain hold, or altogether.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/**
 * What becomes of the COMMIT: carried out, and the connection resets in place of its answer; carried
 * out, and nothing is ever heard again; never arrives, and the connection resets; the connection
 * resets, and it arrives only at `deliver`.
 */
export type CommitFault = 'answer_reset' | 'answer_swallowed' | 'request_reset' | 'request_late'

export interface PostgresProxy {
  /** The same database, through this line. */
  readonly url: string
  /** The next COMMIT of a connection on which `text` was sent before. */
  breakCommit(text: string, fault: CommitFault): void
  /** Until that COMMIT has met its fault. */
  broken(): Promise<void>
  /** Lets a late COMMIT arrive. */
  deliver(): void
  /** Nothing passes either way, nobody hears of it, until `heal`. */
  cut(): void
  heal(): void
  close(): Promise<void>
}

/** The statement, and what its answer says was done. */
const COMMIT = 'COMMIT\0'

export async function startPostgresProxy(target: string): Promise<PostgresProxy> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let armed: { readonly text: string; readonly fault: CommitFault } | undefined
  let met = Promise.withResolvers<void>()
  let deliver = (): void => {}
  let isCut = false

  const server = createServer((client) => {
    const database = connect(Number(port || 5432), hostname)
    for (const socket of [client, database]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    let isNamed = false
    let fault: CommitFault | undefined

    const meet = (how: CommitFault, bytes: Buffer): void => {
      fault = how
      armed = undefined
      if (how === 'request_reset') {
        client.resetAndDestroy()
        database.resetAndDestroy()
      } else if (how === 'request_late') {
        deliver = () => database.end(bytes)
        client.resetAndDestroy()
      } else database.write(bytes)
      if (how.startsWith('request')) met.resolve()
    }
    client.on('data', (bytes) => {
      if (isCut || fault !== undefined) return
      if (armed !== undefined && bytes.includes(armed.text)) isNamed = true
      if (armed !== undefined && isNamed && bytes.includes(COMMIT)) meet(armed.fault, bytes)
      else database.write(bytes)
    })
    database.on('data', (bytes) => {
      if (fault === undefined) {
        if (!isCut) client.write(bytes)
        return
      }
      if (fault === 'answer_reset' && bytes.includes(COMMIT)) client.resetAndDestroy()
      if (bytes.includes(COMMIT)) met.resolve()
    })
    client.on('close', () => {
      if (!isCut && fault !== 'request_late') database.destroy()
    })
    database.on('close', () => {
      if (!isCut && fault === undefined) client.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    breakCommit(text, fault) {
      met = Promise.withResolvers()
      armed = { text, fault }
    },
    broken: () => met.promise,
    deliver: () => deliver(),
    cut() {
      isCut = true
    },
    heal() {
      isCut = false
      // What was lost meanwhile is lost: these connections are of no more use.
      for (const socket of sockets) socket.resetAndDestroy()
    },
    async close() {
      for (const socket of sockets) socket.resetAndDestroy()
      server.close()
      await once(server, 'close')
    },
  }
}
