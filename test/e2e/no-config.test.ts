/** `synth serve` with nothing configured: the built-in model answers whoever asks. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startBridge } from './harness/bridge.ts'

const json = async (response: Response) => JSON.parse(await response.text())

test('the built-in model is offered, and says what it is', async ({ skip }) => {
  const folder = await mkdtemp(join(tmpdir(), 'synth-e2e-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const bridge = await startBridge({ folder, config: undefined })
  onTestFinished(() => bridge.close())

  const models = await json(await fetch(`${bridge.url}/v1/models`))
  const names = models.data.map((model: { id: string }) => model.id)
  skip(!names.includes('synth-demo'), `a model server runs on this machine: ${names.join()}`)

  const response = await fetch(`${bridge.url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'synth-demo', input: 'Who are you?' }),
  })
  expect(response.status).toBe(200)
  const body = await json(response)
  expect(body.status).toBe('completed')
  expect(body.output.at(-1).content[0].text).toContain('scripted model')
  expect(body.usage.total_tokens).toBeGreaterThan(0)
})
