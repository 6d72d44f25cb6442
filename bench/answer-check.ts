/**
 * Reads one answer off a socket and says whether it was right, at a cost of about a nanosecond a
 * byte: status 200, exactly the expected marks, the terminal event after the last delta, `[DONE]`
 * at the very end. Byte-exactness is the guard's job (`guard.ts`), once per shape.
 */
import { MARK_BYTE } from './wire.ts'

export interface Expected {
  /** Marks up to the last delta. */
  readonly deltas: number
  /** Marks in the whole body: a Responses stream repeats the text in its closing events. */
  readonly marks: number
  /** What the terminal event looks like on the wire. */
  readonly terminal: string
}

export interface AnswerCheck {
  /** Deltas seen so far. */
  readonly deltas: number
  /** True when the answer is over; anything wrong is in `fault` then. */
  push(bytes: Buffer): boolean
  readonly fault: string | undefined
}

const STREAM_END = Buffer.from('data: [DONE]\n\n\r\n0\r\n\r\n')
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n')
/** Longer than any needle searched for across two reads. */
const CARRY_BYTES = 64

export function createAnswerCheck(expected: Expected): AnswerCheck {
  let head = ''
  let inBody = false
  let marks = 0
  let sawTerminal = false
  let carry = Buffer.alloc(0)
  let fault: string | undefined

  function count(bytes: Buffer): void {
    for (let at = bytes.indexOf(MARK_BYTE); at !== -1; at = bytes.indexOf(MARK_BYTE, at + 1)) {
      marks++
    }
  }

  function end(): true {
    if (marks !== expected.marks) fault = `${marks} marks, not ${expected.marks}`
    else if (!sawTerminal) fault = `no "${expected.terminal}" after the last delta`
    else if (!carry.subarray(-STREAM_END.length).equals(STREAM_END)) fault = 'no [DONE] at the end'
    return true
  }

  return {
    get deltas() {
      return Math.min(marks, expected.deltas)
    },
    get fault() {
      return fault
    },
    push(bytes) {
      let body = bytes
      if (!inBody) {
        head += bytes.toString('latin1')
        const headEnd = head.indexOf('\r\n\r\n')
        if (headEnd === -1) return false
        if (!head.startsWith('HTTP/1.1 200')) {
          fault = head.slice(0, 600)
          return true
        }
        inBody = true
        body = Buffer.from(head.slice(headEnd + 4), 'latin1')
      }
      count(body)
      const joined = Buffer.concat([carry, body.subarray(-CARRY_BYTES)])
      if (!sawTerminal && marks >= expected.deltas) {
        // The needle may begin in the read before.
        const searched = Buffer.concat([carry, body])
        sawTerminal = searched.includes(expected.terminal)
      }
      carry = joined.subarray(-CARRY_BYTES)
      return carry.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK) && end()
    },
  }
}
