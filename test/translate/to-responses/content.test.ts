/** What is said, on its way into messages: parts, counts, citations, broken pairs. */
import { describe, expect, test } from 'vitest'
import { type Run, runStream, sseOf, type TestOptions } from './harness.ts'
import { call, chunk, ending } from './quirks/quirk.ts'
import { ruleBreaks } from './stream-rules.ts'

const hello = chunk({ content: 'Hello' })

function run(messages: readonly unknown[], options?: TestOptions): Run {
  const result = runStream(sseOf([...messages, ...ending('stop')]), options)
  expect(ruleBreaks(result.events)).toEqual([])
  return result
}

test('what was generated is counted in UTF-16 units: text, reasoning, refusal and arguments', () => {
  const { outputChars } = run([
    chunk({ reasoning: 'Hm.' }),
    chunk({ content: '😀' }),
    chunk({ refusal: 'No' }),
    call(0, 'call_a', 'ls', '{}'),
  ])
  expect(outputChars).toBe(3 + 2 + 2 + 2)
})

test('a refusal is text for a client that drops refusal parts', () => {
  const { response } = run([chunk({ refusal: 'No.' })], { refusalAsText: true })
  expect(response.output).toMatchObject([{ content: [{ type: 'output_text', text: 'No.' }] }])
})

test('text, refusal and text again are three parts of one message', () => {
  const { response } = run([hello, chunk({ refusal: 'No.' }), chunk({ content: '!' })])
  expect(response.output).toMatchObject([
    {
      content: [
        { type: 'output_text', text: 'Hello' },
        { type: 'refusal', refusal: 'No.' },
        { type: 'output_text', text: '!' },
      ],
    },
  ])
})

test('citations wait for the text they belong to, and are dropped when it is closed', () => {
  const annotation = {
    type: 'url_citation',
    url: 'https://example.com',
    title: 'E',
    start_index: 0,
    end_index: 1,
  }
  const cite = chunk({ annotations: [annotation] })
  const early = run([cite, hello]).response.output
  const late = run([hello, call(0, 'call_a', 'ls', '{}'), cite, chunk({ content: '!' })])
  expect(early).toMatchObject([{ content: [{ annotations: [annotation] }] }])
  expect(JSON.stringify(late.response.output)).not.toContain('example.com')
})

describe('half of a surrogate pair', () => {
  const deltasOf = (...texts: string[]) => {
    const { events } = run(texts.map((content) => chunk({ content })))
    return events.flatMap((event) =>
      event.type === 'response.output_text.delta' ? event.delta : [],
    )
  }

  test('waits for the other half', () => {
    expect(deltasOf('a\ud83d', '\ude00b')).toEqual(['a', '😀b'])
  })

  test('that never comes becomes U+FFFD, so that strict readers can read the event', () => {
    expect(deltasOf('a\ud83d', 'b\ude00')).toEqual(['a', '\ufffdb\ufffd'])
  })

  test('at the end of an answer is dropped', () => {
    expect(deltasOf('a\ud83d')).toEqual(['a'])
  })
})
