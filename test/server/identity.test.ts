import { describe, expect, test } from 'vitest'
import { LOCAL_CALLER } from '../../src/server/callers.ts'
import { identityOf } from '../../src/server/identity.ts'

function read(headers: Readonly<Record<string, string>>) {
  return identityOf({ get: (name) => headers[name] }, LOCAL_CALLER, 'req_1', 'responses')
}

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

describe('traceparent', () => {
  test.each([
    { flags: '01', isSampled: true },
    { flags: '00', isSampled: false },
    { flags: '03', isSampled: true },
  ])('with flags $flags: sampled $isSampled', ({ flags, isSampled }) => {
    expect(read({ traceparent: `00-${TRACE}-${SPAN}-${flags}` }).traceParent).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      isSampled,
    })
  })

  test('of a later version may have more to it', () => {
    const header = `cc-${TRACE}-${SPAN}-01-what-comes`
    expect(read({ traceparent: header }).traceParent?.traceId).toBe(TRACE)
  })

  test.each([
    '',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01',
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01x`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}${SPAN}-01`,
  ])('that is broken is as if it were not there: %s', (traceparent) => {
    expect(read({ traceparent }).traceParent).toBeUndefined()
  })
})
