/** What several clients are asked: the weather of two cities at once. */
import { answer, type Turn } from '../e2e/harness/turns.ts'

/** Two calls of `look_up`, whose pieces take turns, with reasoning before them. */
export const TWO_CALLS: Turn = answer({
  reasoning: 'Both at once.',
  calls: [
    { id: 'call_a', name: 'look_up', arguments: { city: 'Oslo' } },
    { id: 'call_b', name: 'look_up', arguments: { city: 'Rome' } },
  ],
  pieceChars: 3,
  interleaved: true,
  usage: { prompt: 100, completion: 30, cached: 60, reasoning: 10 },
})
