/** The reader that other tests rely on refuses what Prometheus would refuse. */
import { expect, test } from 'vitest'
import { readPrometheusText, valueIn } from './prometheus-text.ts'

const HEAD = '# HELP a_total Things.\n# TYPE a_total counter\n'
const HISTOGRAM = '# HELP h Times.\n# TYPE h histogram\n'

test('reads values, labels and their escapes', () => {
  const families = readPrometheusText(`${HEAD}a_total{x="1",y="\\"\\\\\\n"} 2\n\n${HISTOGRAM}`)
  expect(valueIn(families, 'a_total', { x: '1', y: '"\\\n' })).toBe(2)
  expect(valueIn(families, 'h_count')).toBeUndefined()
})

test.each([
  { what: 'an open last line', text: `${HEAD}a_total 1` },
  { what: 'no HELP', text: '# TYPE a_total counter\na_total 1\n' },
  { what: 'a family twice', text: HEAD + HEAD },
  { what: 'a series twice', text: `${HEAD}a_total{x="1"} 1\na_total{x="1"} 1\n` },
  { what: 'a foreign sample', text: `${HEAD}b_total 1\n` },
  { what: 'a bare line break in a label', text: `${HEAD}a_total{x="\n"} 1\n` },
  { what: 'an open label', text: `${HEAD}a_total{x="1} 1\n` },
  { what: 'no number', text: `${HEAD}a_total one\n` },
  { what: 'a counter of another name', text: '# HELP a Things.\n# TYPE a counter\na 1\n' },
  { what: 'a falling counter', text: `${HEAD}a_total -1\n` },
  {
    what: 'falling buckets',
    text: `${HISTOGRAM}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
  },
  { what: 'no +Inf bucket', text: `${HISTOGRAM}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n` },
  { what: 'no sum', text: `${HISTOGRAM}h_bucket{le="+Inf"} 1\nh_count 1\n` },
])('refuses $what', ({ text }) => {
  expect(() => readPrometheusText(text)).toThrow()
})
