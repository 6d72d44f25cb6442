/** The tool with which a model says that it has finished, as `docs/mapping.md` describes it. */
import type { ChatFunctionTool } from '../../protocol/chat/request.ts'
import { STOP_MESSAGE_PROPERTY, STOP_TOOL_NAME, type ToolEntry } from '../tool-table.ts'

export const STOP_TOOL_ENTRY: ToolEntry = { chatName: STOP_TOOL_NAME, target: { kind: 'stop' } }

export const STOP_TOOL: ChatFunctionTool = {
  type: 'function',
  function: {
    name: STOP_TOOL_NAME,
    description:
      'Ends your work on the current request. Call it once the request is done and no further tool ' +
      'call is needed, or when you cannot go on without the user. `message` is shown to the user as ' +
      'your final answer, so write it in full. Do not call it while a step is still to be taken.',
    parameters: {
      type: 'object',
      properties: { [STOP_MESSAGE_PROPERTY]: { type: 'string' } },
      required: [STOP_MESSAGE_PROPERTY],
    },
  },
}
