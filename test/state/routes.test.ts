/** The routes of what is kept: shapes, pages, owners, prefixes; over real HTTP. */
import { afterEach, describe, expect, test } from 'vitest'
import { INFERENCE_PREFIXES } from '../../src/server/routes.ts'
import { sendJson } from '../support/model-server.ts'
import { chatFrames, createCleanup, type Json, messagesOf, startWorld, talking } from './support.ts'

const cleanup = createCleanup()
afterEach(() => cleanup.run())

const user = (content: string, more: Json = {}) => ({ role: 'user', content, ...more })

describe('the input of a response', () => {
  test('is listed newest first, in pages, with ids and content in parts', async () => {
    const world = await startWorld(cleanup)
    const input = [user('1'), user('2', { id: 'msg_mine' }), user('3')]
    const { id } = await world.json('POST', '/v1/responses', { model: 'm', input })
    const path = `/v1/responses/${id}/input_items`
    const all = await world.json('GET', path)
    expect(all).toEqual({
      object: 'list',
      data: ['3', '2', '1'].map((text) => ({
        id: expect.stringMatching(/^msg_\w+$/),
        type: 'message',
        status: 'completed',
        role: 'user',
        content: [{ type: 'input_text', text }],
      })),
      first_id: all['data'][0].id,
      last_id: all['data'][2].id,
      has_more: false,
    })
    expect(all['data'][1].id).toBe('msg_mine')
    expect(await world.json('GET', path)).toEqual(all)

    const first = await world.json('GET', `${path}?order=asc&limit=2`)
    expect(first).toMatchObject({ has_more: true, last_id: 'msg_mine' })
    const second = await world.json('GET', `${path}?order=asc&limit=2&after=msg_mine`)
    expect(second).toMatchObject({ has_more: false, data: [{ id: all['first_id'] }] })
  })

  test('has an id for each item, even where the client gave one twice', async () => {
    const world = await startWorld(cleanup)
    const input = ['a', 'b', 'c'].map((text) => ({ ...user(text), id: 'msg_same' }))
    const { id } = await world.json('POST', '/v1/responses', { model: 'm', input })
    const { data } = await world.json('GET', `/v1/responses/${id}/input_items?order=asc`)
    expect(data[0].id).toBe('msg_same')
    expect(new Set(data.map((item: Json) => item['id'])).size).toBe(3)
  })

  test('of a text is one message; of a turn only what it added', async () => {
    const world = await startWorld(cleanup)
    const first = await world.json('POST', '/v1/responses', { model: 'm', input: 'hello' })
    const more = { model: 'm', input: 'again', previous_response_id: first['id'] }
    const second = await world.json('POST', '/v1/responses', more)
    const { data } = await world.json('GET', `/v1/responses/${second['id']}/input_items`)
    expect(data).toMatchObject([{ content: [{ type: 'input_text', text: 'again' }] }])
  })

  test.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=x', 'limit'],
    ['order=up', 'order'],
    ['after=msg_none', 'after'],
  ])('a page of %s is refused by its name', async (query, param) => {
    const world = await startWorld(cleanup)
    const { id } = await world.json('POST', '/v1/responses', { model: 'm', input: 'x' })
    const path = `/v1/responses/${id}/input_items?${query}`
    expect(await world.error('GET', path)).toMatchObject({
      status: 400,
      code: 'invalid_request',
      param,
    })
  })
})

describe('a response', () => {
  test('is the very body that its call was answered with', async () => {
    const world = await startWorld(cleanup)
    const made = await world.call('POST', '/v1/responses', { model: 'm', input: 'x' })
    const body = await made.text()
    const { id } = JSON.parse(body)
    const found = await world.call('GET', `/v1/responses/${id}`)
    expect(found.headers.get('content-type')).toBe('application/json')
    expect(await found.text()).toBe(body)
  })

  test('that does not run in the background cannot be cancelled', async () => {
    const world = await startWorld(cleanup)
    const { id } = await world.json('POST', '/v1/responses', { model: 'm', input: 'x' })
    expect(await world.error('POST', `/v1/responses/${id}/cancel`)).toMatchObject({
      status: 400,
      message: expect.stringContaining('closing its connection'),
    })
  })

  test('whose client hangs up in the middle is left, not kept, and lets go of its conversation', async () => {
    let isFirst = true
    const world = await startWorld(cleanup, {
      answer(request, response) {
        if (!isFirst) {
          talking(request, response)
          return
        }
        isFirst = false
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(chatFrames({ text: 'hello' })[0])
      },
    })
    const { id: conversation } = await world.json('POST', '/v1/conversations', {})
    const body = { model: 'm', input: 'x', conversation, stream: true }
    const answer = await world.call('POST', '/v1/responses', body)
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
    const text = (await reader?.read())?.value ?? ''
    await reader?.cancel()
    await world.upstream.closedByPeer()
    const id = /"id":"(resp_\w+)"/.exec(text)?.[1]
    expect(await world.error('GET', `/v1/responses/${id}`)).toMatchObject({ status: 404 })
    await expect
      .poll(
        async () => (await world.call('POST', '/v1/responses', { ...body, stream: false })).status,
      )
      .toBe(200)
    expect(messagesOf(world.upstream)).toEqual([{ role: 'user', content: 'x' }])
  })
})

describe('a conversation', () => {
  const path = '/v1/conversations'

  test('is made, read, changed, deleted', async () => {
    const world = await startWorld(cleanup)
    const made = await world.json('POST', path, { metadata: { topic: 'x' }, items: [user('one')] })
    expect(made).toEqual({
      id: expect.stringMatching(/^conv_[0-9a-f]{32}$/),
      object: 'conversation',
      created_at: expect.any(Number),
      metadata: { topic: 'x' },
    })
    const one = `${path}/${made['id']}`
    expect(await world.json('GET', one)).toEqual(made)
    const changed = { ...made, metadata: { topic: 'y' } }
    expect(await world.json('POST', one, { metadata: { topic: 'y' } })).toEqual(changed)
    expect(await world.json('GET', one)).toEqual(changed)
    expect(await world.json('DELETE', one)).toEqual({
      id: made['id'],
      object: 'conversation.deleted',
      deleted: true,
    })
    expect(await world.error('GET', one)).toMatchObject({ status: 404, code: 'not_found' })
    expect(await world.error('DELETE', one)).toMatchObject({ status: 404 })
    expect(await world.error('POST', one, { metadata: {} })).toMatchObject({ status: 404 })
    const turn = { model: 'm', input: 'x', conversation: made['id'] }
    expect(await world.error('POST', '/v1/responses', turn)).toMatchObject({ status: 404 })
  })

  test('has items that are added, listed, read and deleted', async () => {
    const world = await startWorld(cleanup)
    const { id } = await world.json('POST', path, {})
    const items = `${path}/${id}/items`
    const added = await world.json('POST', items, { items: [user('1'), user('2')] })
    expect(added).toMatchObject({ object: 'list', has_more: false, data: [{}, {}] })
    const [first, second] = added['data']
    expect(await world.json('GET', `${items}/${second.id}`)).toEqual(second)
    expect(await world.json('GET', `${items}?limit=1`)).toMatchObject({
      data: [second],
      has_more: true,
    })
    expect(await world.json('DELETE', `${items}/${first.id}`)).toMatchObject({
      id,
      object: 'conversation',
    })
    expect(await world.error('GET', `${items}/${first.id}`)).toMatchObject({ status: 404 })
    await world.json('POST', '/v1/responses', { model: 'm', input: '3', conversation: id })
    expect(messagesOf(world.upstream)).toMatchObject([{ content: '2' }, { content: '3' }])
  })

  test.each(['asc', 'desc'])(
    'is read whole, page by page, where an id was added twice: %s',
    async (order) => {
      const world = await startWorld(cleanup)
      const items = ['a', 'b', 'a', 'c'].map((id) => ({ ...user('x'), id: `msg_${id}` }))
      const { id } = await world.json('POST', '/v1/conversations', { items })
      await world.json('POST', `/v1/conversations/${id}/items`, { items })
      const path = `/v1/conversations/${id}/items?order=${order}&limit=1`
      let page = await world.json('GET', path)
      let pages = 1
      for (; page['has_more'] && pages <= 8; pages++)
        page = await world.json('GET', `${path}&after=${page['last_id']}`)
      expect(pages).toBe(8)
    },
  )

  test('comes to an end where an upstream gives one id in every answer', async () => {
    const message = { type: 'message', id: 'msg_1', role: 'assistant', status: 'completed' }
    const content = [{ type: 'output_text', text: 'x', annotations: [] }]
    const body = { object: 'response', status: 'completed', output: [{ ...message, content }] }
    const world = await startWorld(cleanup, {
      wire: 'responses',
      answer: (_request, response) => sendJson(response, 200, body),
    })
    const { id: conversation } = await world.json('POST', '/v1/conversations', {})
    for (let turns = 0; turns < 3; turns++)
      await world.json('POST', '/v1/responses', { model: 'm', input: 'x', conversation })
    for (const order of ['asc', 'desc']) {
      const path = `/v1/conversations/${conversation}/items?order=${order}&limit=1`
      let page = await world.json('GET', path)
      for (let pages = 1; page['has_more']; pages++) {
        expect(pages).toBeLessThan(6)
        page = await world.json('GET', `${path}&after=${page['last_id']}`)
      }
    }
  })

  test('is part of the response, which appends to it; one that fails does not', async () => {
    let fails = false
    const world = await startWorld(cleanup, {
      answer(request, response) {
        if (!fails) {
          talking(request, response)
          return
        }
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.end(chatFrames({ text: 'half' })[0])
      },
    })
    const { id } = await world.json('POST', path, {})
    const turn = { model: 'm', input: 'x', conversation: { id } }
    expect(await world.json('POST', '/v1/responses', turn)).toMatchObject({ conversation: { id } })
    fails = true
    expect(await world.json('POST', '/v1/responses', turn)).toMatchObject({ status: 'failed' })
    fails = false
    await world.json('POST', '/v1/responses', { ...turn, store: false })
    await world.json('POST', '/v1/responses', turn)
    expect(messagesOf(world.upstream)).toMatchObject(
      ['user', 'assistant', 'user', 'assistant', 'user'].map((role) => ({ role })),
    )
  })

  test.each([
    ['21 items', 'items', { items: Array(21).fill(user('x')) }],
    ['an item of no kind', 'items[0].type', { items: [{}] }],
    ['a reference', 'items[0]', { items: [{ type: 'item_reference', id: 'msg_1' }] }],
    ['metadata of numbers', 'metadata.a', { metadata: { a: 1 } }],
    ['a long value', 'metadata', { metadata: { a: 'x'.repeat(513) } }],
    ['a long key', 'metadata', { metadata: { ['k'.repeat(65)]: 'x' } }],
    [
      '17 pairs',
      'metadata',
      { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [index, ''])) },
    ],
  ])('with %s is refused by its name', async (_name, param, body) => {
    const world = await startWorld(cleanup)
    expect(await world.error('POST', path, body)).toMatchObject({ status: 400, param })
  })
})

test('what belongs to one key is nobody else’s', async () => {
  const keys = ['one', 'two'].map((name) => ({ name, key_env: name.toUpperCase() }))
  const world = await startWorld(cleanup, { config: { keys }, env: { ONE: 'k-one', TWO: 'k-two' } })
  const mine = { authorization: 'Bearer k-one' }
  const theirs = { authorization: 'Bearer k-two' }
  const made = await world.json('POST', '/v1/responses', { model: 'm', input: 'x' }, mine)
  const { id: conv } = await world.json('POST', '/v1/conversations', { items: [user('x')] }, mine)
  const response = `/v1/responses/${made['id']}`
  const conversation = `/v1/conversations/${conv}`
  const { data } = await world.json('GET', `${conversation}/items`, undefined, mine)
  const item = `${conversation}/items/${data[0].id}`
  const unknown = async (method: string, path: string, body?: object) => {
    const { status, code } = await world.error(method, path, body, theirs)
    return `${status} ${code}`
  }
  for (const [method, path, body] of [
    ['GET', response],
    ['GET', `${response}?stream=true`],
    ['GET', `${response}/input_items`],
    ['DELETE', response],
    ['POST', `${response}/cancel`],
    ['POST', `${response}/submit_tool_outputs`, { tool_outputs: [{ call_id: 'c', output: '' }] }],
    ['GET', conversation],
    ['POST', conversation, { metadata: {} }],
    ['DELETE', conversation],
    ['GET', `${conversation}/items`],
    ['POST', `${conversation}/items`, { items: [user('x')] }],
    ['GET', item],
    ['DELETE', item],
    ['POST', '/v1/responses', { model: 'm', input: 'x', conversation: conv }],
    ['POST', '/v1/responses', { model: 'm', input: [{ id: made['output'][0].id }] }],
  ] as const) {
    expect(await unknown(method, path, body), `${method} ${path}`).toBe('404 not_found')
  }
  const follow = { model: 'm', input: 'x', previous_response_id: made['id'] }
  expect(await unknown('POST', '/v1/responses', follow)).toBe('400 previous_response_not_found')
  expect(await world.json('GET', response, undefined, mine)).toEqual(made)
  expect(world.upstream.received).toHaveLength(1)
})

test.each(INFERENCE_PREFIXES.flatMap((prefix) => [prefix, `${prefix}/responses`]))(
  'all of it is served below %s',
  async (base) => {
    const world = await startWorld(cleanup)
    const { id } = await world.json('POST', `${base}/responses`, { model: 'm', input: 'x' })
    expect(await world.json('GET', `${base}/responses/${id}`)).toMatchObject({ id })
    expect(await world.json('GET', `${base}/responses/${id}/input_items`)).toMatchObject({
      has_more: false,
    })
    expect(await world.json('DELETE', `${base}/responses/${id}`)).toMatchObject({ deleted: true })
  },
)

test('ids of any form are not found, and break nothing', async () => {
  const world = await startWorld(cleanup)
  for (const id of ['%00', 'x'.repeat(500), '%F0%9F%98%80', '..%2f..', "'; DROP TABLE response"]) {
    expect(await world.error('GET', `/v1/responses/${id}`)).toMatchObject({ status: 404 })
    expect(await world.error('GET', `/v1/conversations/${id}`)).toMatchObject({ status: 404 })
  }
  const input = [{ id: 'a\u0000b' }]
  expect(await world.error('POST', '/v1/responses', { model: 'm', input })).toMatchObject({
    status: 404,
  })
  const odd = [user('x', { id: 'a\u0000b\ud800' })]
  await world.json('POST', '/v1/responses', { model: 'm', input: odd })
})
