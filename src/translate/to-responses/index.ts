/**
 * Chat Completions answers as Responses events: the stream machine. The same machine makes the
 * non-streaming answer; then nobody listens to its events and its `response` is the body.
 */

export { toUpstreamError } from '../upstream-error.ts'
export type { ResponseMachine, ResponseMachineOptions } from './contract.ts'
export { createResponseMachine } from './machine.ts'
