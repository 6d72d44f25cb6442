/** `synth trace` against a running bridge. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startTestBridge, type TestBridge } from '../../support/bridge.ts'
import { createTestCli, type TestCli } from '../../support/cli.ts'
import { startHttpUpstream, streaming, textFrames } from '../../support/http-upstream.ts'

let bridge: TestBridge
let cli: TestCli
const running: { close(): Promise<void> }[] = []

beforeEach(async () => {
  const upstream = await startHttpUpstream((request, response) => {
    if (JSON.stringify(request.body).includes('fail')) {
      response.writeHead(500).end()
      return
    }
    streaming(textFrames('Hello'))(request, response)
  })
  bridge = await startTestBridge({
    config: { upstreams: { local: { base_url: upstream.baseUrl, max_retries: 0 } } },
  })
  running.push(upstream, bridge)
  cli = createTestCli()
})
afterEach(async () => {
  for (const part of running.splice(0).reverse()) await part.close()
})

async function call(path: string, body: object): Promise<void> {
  const answer = await fetch(bridge.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', stream: true, ...body }),
  })
  await answer.text()
}

const say = (text: string) => call('/v1/responses', { input: text })
const rollout = (cid: string, text: string) =>
  call(`/api/interceptor/v1/trial-a/${cid}/chat/completions`, {
    messages: [{ role: 'user', content: text }],
  })
const run = (...args: string[]) => cli.run(['trace', ...args, '--url', bridge.url], { fetch })
const lines = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
const read = (name: string) => lines(readFileSync(join(cli.cwd, name), 'utf8'))

describe('list', () => {
  test('is a line for each call, the newest first', async () => {
    await say('first')
    await say('please fail')
    const { code, stdout } = await run('list')
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
    expect(code).toBe(0)
    expect(rows.map((row) => row.slice(2, 8))).toEqual([
      ['m', 'failed', '500', '', '', ''],
      ['m', 'completed', '200', '7', '3', '0'],
    ])
  })

  test('is filtered, limited, and JSON where it is asked for', async () => {
    await say('first')
    await say('please fail')
    await say('third')
    const { stdout } = await run('list', '--status', 'completed', '--limit', '1', '--json')
    expect(JSON.parse(stdout)).toMatchObject([{ outcome: 'completed', response: null }])
  })

  test('refuses a status that is none', async () => {
    const { code, stderr } = await run('list', '--status', 'fine')
    expect([code, stderr]).toEqual([2, expect.stringContaining('not "fine"')])
  })

  test('on a terminal has titles', async () => {
    await say('first')
    const { stdout } = await cli.run(['trace', 'list', '--url', bridge.url], {
      fetch,
      isTerminal: true,
      columns: 120,
    })
    expect(stdout).toMatch(/TRACE +MODEL +ENDED +TOKENS +COST +TOOK +WHEN/)
    expect(stdout).toContain('7 → 3')
  })
})

describe('show', () => {
  test('has the figures and what was said, with nothing that drives a terminal', async () => {
    await say('first \u001b[2J one')
    const id = (await run('list')).stdout.split('\t')[0] ?? ''
    const { stdout } = await run('show', id)
    expect(stdout).toContain('first \\u001b[2J one')
    expect(stdout).toMatch(/assistant\nHello/)
    expect(JSON.parse((await run('show', id, '--json')).stdout)).toMatchObject({ trace_id: id })
  })

  test('of an id that is none is a no', async () => {
    const { code, stderr } = await run('show', 'trace_none')
    expect([code, stderr]).toEqual([1, expect.stringContaining('trace_none')])
  })
})

describe('export', () => {
  test('writes the calls that can be learnt from, and counts the rest', async () => {
    await say('first')
    await say('please fail')
    const { code, stdout, stderr } = await run('export')
    expect([code, stderr]).toEqual([0, '1 call written, 1 left out.\n'])
    expect(lines(stdout)).toEqual([
      {
        messages: [
          { role: 'user', content: 'first' },
          { role: 'assistant', content: 'Hello' },
        ],
      },
    ])
  })

  test.each(['responses', 'otlp'])('%s has a line for each', async (format) => {
    await say('first')
    await rollout('trace_1', 'second')
    await run('export', '--format', format, '--out', 'x.jsonl')
    expect(read('x.jsonl')).toHaveLength(2)
  })

  test('v3 has a line for each rollout and session, whose calls stand in their order', async () => {
    await rollout('trace_1', 'one')
    await say('of the session')
    await rollout('trace_2', 'two')
    await rollout('trace_1', 'three')
    await run('export', '--format', 'v3', '--light', '--out', 'x.jsonl')
    const said = read('x.jsonl').map(({ metadata, event_history }) => [
      metadata.trace_correlation_id,
      // biome-ignore lint/suspicious/noExplicitAny: an event of the light form
      event_history.map((event: any) => event.llm_request.messages[0].content),
    ])
    expect(said).toEqual([
      ['trace_1', ['one', 'three']],
      [undefined, ['of the session']],
      ['trace_2', ['two']],
    ])
  })

  test('of rollouts has those with enough reward', async () => {
    await rollout('trace_1', 'bad')
    await rollout('trace_2', 'good')
    await say('no rollout')
    const ids = (await run('list')).stdout.split('\n').map((line) => line.split('\t'))
    const idOf = (cid: string) => ids.find((row) => row[10] === cid)?.[0]
    writeFileSync(
      join(cli.cwd, 'run.jsonl'),
      [
        { seed: 0, status: 'done', reward: 0.2, trace_ids: [idOf('trace_1')] },
        { seed: 1, status: 'done', reward: 0.9, trace_ids: [idOf('trace_2')] },
        { seed: 2, status: 'failed', reward: null, trace_ids: [] },
      ]
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    )
    const chosen = ['--rollouts', 'run.jsonl', '--min-reward', '0.5']
    const { stdout } = await run('export', ...chosen)
    expect(lines(stdout).map(({ messages }) => messages[0].content)).toEqual(['good'])
  })

  test('leaves a file alone that is there, unless told otherwise', async () => {
    await say('first')
    writeFileSync(join(cli.cwd, 'x.jsonl'), 'precious')
    const refused = await run('export', '--out', 'x.jsonl')
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--force')])
    expect(readFileSync(join(cli.cwd, 'x.jsonl'), 'utf8')).toBe('precious')
    const forced = await run('export', '--out', 'x.jsonl', '--force', '--json')
    expect(JSON.parse(forced.stdout)).toEqual({
      out: 'x.jsonl',
      format: 'openai-chat',
      calls: 1,
      left_out: 0,
    })
    expect(read('x.jsonl')).toHaveLength(1)
  })

  test.each([
    [['--light'], '--light goes with --format v3'],
    [['--min-reward', '1'], '--min-reward goes with --rollouts'],
    [['--rollouts', 'none.jsonl'], 'none.jsonl cannot be read'],
    [['--rollouts', 'broken.jsonl'], 'broken.jsonl:2 is no line'],
    [['--json'], 'give --out too'],
    [['--out', 'no/such/folder.jsonl'], 'cannot be written'],
  ])('%s is refused', async (args, message) => {
    writeFileSync(join(cli.cwd, 'broken.jsonl'), '{"trace_ids":[]}\n{"seed":1}\n')
    const { code, stderr } = await run('export', ...args)
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  })

  test('that found nothing is a no', async () => {
    const { code, stdout, stderr } = await run('export')
    expect([code, stdout, stderr]).toEqual([1, '', '0 calls written.\n'])
  })
})
