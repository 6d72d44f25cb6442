import { expect, test } from 'vitest'
import { sortMail } from '../../src/demo/mail-sorter.ts'

const ASKED = 'Answer with the desk that the message belongs to: billing, delivery, account.'
const EXPLAINED = `billing: invoices, fees. account: signing in, login. ${ASKED}`

test.each([
  { instruction: ASKED, message: 'Why this fee?', desk: 'billing' },
  { instruction: ASKED, message: 'I cannot login.', desk: 'billing' },
  { instruction: EXPLAINED, message: 'I cannot login.', desk: 'account' },
  { instruction: ASKED, message: 'My account, please.', desk: 'account' },
  { instruction: 'Be kind.', message: 'I cannot login.', desk: undefined },
])('$message with $instruction', ({ instruction, message, desk }) => {
  expect(sortMail(instruction, message)).toBe(desk)
})
