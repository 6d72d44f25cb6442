/**
 * The library: the translation without a server, and the bridge as a whole. What is not exported here
 * may change at any time.
 */
export { type Bridge, type BridgeEvent, type BridgeOptions, startBridge } from './compose.ts'
export { type LoadedConfig, loadConfig } from './config/load.ts'
export { BridgeError, type ErrorCode, errorCodes } from './errors.ts'
export type { ResponseEvent } from './protocol/responses/events.ts'
export {
  parseResponsesRequest,
  type ReadRequest,
  type ResponsesRequest,
  readResponsesRequest,
} from './protocol/responses/request.ts'
export type { ResponseObject } from './protocol/responses/response.ts'
export { encodeEvent } from './protocol/sse.ts'
export { type ChatDialect, DEFAULT_DIALECT } from './translate/dialect.ts'
export { toResponseEcho } from './translate/echo.ts'
export {
  type ChatTranslation,
  type ToChatOptions,
  toChatRequest,
} from './translate/to-chat/index.ts'
export {
  createResponseMachine,
  type ResponseMachine,
  type ResponseMachineOptions,
} from './translate/to-responses/index.ts'
