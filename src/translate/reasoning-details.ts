/**
 * How sealed reasoning of a Responses upstream looks on the Chat wire: an entry of `reasoning_details`
 * in the words of OpenRouter, whose clients send such entries back untouched.
 */
export const SEALED_DETAIL = 'reasoning.encrypted'
/** Whose seal it is. */
export const SEALED_FORMAT = 'openai-responses-v1'
