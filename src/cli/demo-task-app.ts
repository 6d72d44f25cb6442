/** The example task app as a process of its own, as anybody would start one. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { KEY_VARIABLE } from '../rollout/keys.ts'
import { RefusedError } from './context.ts'

export interface ExampleApp {
  readonly url: string
  close(): Promise<unknown>
}

/** As it was written, or, in the package, as it was built: Node takes no types below `node_modules`. */
const SERVER = import.meta.url.endsWith('.ts')
  ? new URL('../../examples/support-mail/server.ts', import.meta.url)
  : new URL('../examples/support-mail/server.js', import.meta.url)
const START_MS = 10_000

/** @throws {RefusedError} when it does not start */
export async function startExampleApp(key: string): Promise<ExampleApp> {
  const child = spawn(process.execPath, [fileURLToPath(SERVER), '--port', '0'], {
    env: { [KEY_VARIABLE]: key },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const close = async (): Promise<unknown> => {
    child.kill()
    return exited
  }
  try {
    const signal = AbortSignal.timeout(START_MS)
    const lines = createInterface({ input: child.stdout })
    const first = once(lines, 'line', { signal }).then(([line]) => String(line))
    const line = await Promise.race([first, exited.then(() => '')])
    const url = line.split(' ').at(-1) ?? ''
    if (!URL.canParse(url)) throw new Error('it ended at once')
    return { url, close }
  } catch (cause) {
    await close()
    throw new RefusedError(`The example task app does not start: ${cause}.`, { cause })
  }
}
