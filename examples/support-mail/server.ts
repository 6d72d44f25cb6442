/**
 * A task app: a server that scores a model on one message at a time.
 *
 *   node examples/support-mail/server.ts --port 8001
 *
 * With ENVIRONMENT_API_KEY set, every route but `/` and `/health` wants that key. It needs nothing but
 * Node, and knows nothing of who calls it.
 */
import { parseArgs } from 'node:util'
import { createTaskApp } from './app.ts'
import { TASK } from './task.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8001' },
    host: { type: 'string', default: '127.0.0.1' },
  },
})

const server = createTaskApp(process.env['ENVIRONMENT_API_KEY'] || undefined)
server.listen(Number(values.port), values.host, () => {
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : values.port
  process.stdout.write(`${TASK.name} listening on http://${values.host}:${port}\n`)
})
