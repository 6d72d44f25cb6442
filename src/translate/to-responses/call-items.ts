/**
 * Tool calls while they are written: one writer per kind of item. They close only with the stream,
 * because clients start a tool on `output_item.done`, and a prefix of JSON may be JSON.
 */
import type { ResponseEvent } from '../../protocol/responses/events.ts'
import type {
  CustomToolCallItem,
  FunctionCallItem,
  ToolSearchCallItem,
} from '../../protocol/responses/items.ts'
import { isRecord, tryParse, tryStringify } from '../narrow.ts'
import type { FreeTextReader } from './free-text.ts'
import type { ItemWriter, Place } from './item-writer.ts'
import { WellFormedText } from './well-formed.ts'

export interface CallWriter extends ItemWriter {
  /** A fragment of the arguments, as the upstream wrote it. */
  push(piece: string): void
}

type Emit = (event: ResponseEvent) => void

/** What the client knows the tool by. */
export interface CalledTool {
  readonly name: string
  readonly namespace?: string | undefined
}

function namespaceOf(tool: CalledTool): { namespace?: string } {
  return tool.namespace === undefined ? {} : { namespace: tool.namespace }
}

export function createFunctionCallItem(
  place: Place,
  emit: Emit,
  callId: string,
  tool: CalledTool,
): CallWriter {
  const { itemId, outputIndex } = place
  const wellFormed = new WellFormedText()
  let written = ''

  const itemAs = (status: FunctionCallItem['status'], args: string): FunctionCallItem => ({
    type: 'function_call',
    id: itemId,
    status,
    call_id: callId,
    name: tool.name,
    ...namespaceOf(tool),
    arguments: args,
  })

  function emitDelta(delta: string): void {
    if (delta === '') return
    written += delta
    emit({
      type: 'response.function_call_arguments.delta',
      item_id: itemId,
      output_index: outputIndex,
      delta,
    })
  }

  emit({
    type: 'response.output_item.added',
    output_index: outputIndex,
    item: itemAs('in_progress', ''),
  })
  const writer: CallWriter = {
    item: undefined,
    push(piece) {
      emitDelta(wellFormed.push(piece))
    },
    close(status) {
      // A tool without parameters: providers send "" or null, clients parse JSON. A call that was cut
      // off stays empty, so that it does not look whole.
      if (status === 'completed' && written.trim() === '') emitDelta('{}')
      const item = itemAs(status, written)
      emit({
        type: 'response.function_call_arguments.done',
        item_id: itemId,
        output_index: outputIndex,
        name: tool.name,
        arguments: written,
      })
      writer.item = item
      emit({ type: 'response.output_item.done', output_index: outputIndex, item })
    },
  }
  return writer
}

/** @param reader Reads the input out of the arguments; undefined when the wire had it raw. */
export function createCustomCallItem(
  place: Place,
  emit: Emit,
  callId: string,
  tool: CalledTool,
  reader: FreeTextReader | undefined,
): CallWriter {
  const { itemId, outputIndex } = place
  const wellFormed = new WellFormedText()
  let written = ''

  const itemAs = (status: CustomToolCallItem['status'], input: string): CustomToolCallItem => ({
    type: 'custom_tool_call',
    id: itemId,
    status,
    call_id: callId,
    name: tool.name,
    ...namespaceOf(tool),
    input,
  })

  function emitDelta(delta: string): void {
    if (delta === '') return
    written += delta
    emit({
      type: 'response.custom_tool_call_input.delta',
      item_id: itemId,
      output_index: outputIndex,
      delta,
    })
  }

  emit({
    type: 'response.output_item.added',
    output_index: outputIndex,
    item: itemAs('in_progress', ''),
  })
  const writer: CallWriter = {
    item: undefined,
    push(piece) {
      emitDelta(wellFormed.push(reader === undefined ? piece : reader.push(piece)))
    },
    close(status) {
      if (reader !== undefined) emitDelta(wellFormed.push(reader.end(status === 'incomplete')))
      const item = itemAs(status, written)
      emit({
        type: 'response.custom_tool_call_input.done',
        item_id: itemId,
        output_index: outputIndex,
        input: written,
      })
      writer.item = item
      emit({ type: 'response.output_item.done', output_index: outputIndex, item })
    },
  }
  return writer
}

export function createToolSearchItem(place: Place, emit: Emit, callId: string): CallWriter {
  const { itemId, outputIndex } = place
  let written = ''

  const itemAs = (status: ToolSearchCallItem['status'], args: unknown): ToolSearchCallItem => ({
    type: 'tool_search_call',
    id: itemId,
    status,
    call_id: callId,
    execution: 'client',
    arguments: args,
  })

  emit({
    type: 'response.output_item.added',
    output_index: outputIndex,
    item: itemAs('in_progress', {}),
  })
  const writer: CallWriter = {
    item: undefined,
    push(piece) {
      written += piece
    },
    close(status) {
      const item = itemAs(status, searchArguments(written))
      writer.item = item
      emit({ type: 'response.output_item.done', output_index: outputIndex, item })
    },
  }
  return writer
}

/** The object, or the text where it is none: the client then says so to the model. */
function searchArguments(written: string): unknown {
  if (written.trim() === '') return {}
  const parsed = tryParse(written)
  const isSendable = isRecord(parsed?.value) && tryStringify(parsed.value) !== undefined
  return isSendable ? parsed?.value : written.toWellFormed()
}
