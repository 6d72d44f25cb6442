/**
 * Tool calls while they are written: one writer per kind of item. They close only with the stream,
 * because clients start a tool on `output_item.done`, and a prefix of JSON may be JSON.
 */
import type {
  ArgumentsDeltaEvent,
  CustomInputDeltaEvent,
  ResponseEvent,
} from '../../protocol/responses/events.ts'
import type {
  CustomToolCallItem,
  FunctionCallItem,
  ItemStatus,
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

/** How the two kinds of call whose text is streamed differ. */
interface WrittenForm {
  itemAs(status: ItemStatus, written: string): FunctionCallItem | CustomToolCallItem
  readonly delta: (ArgumentsDeltaEvent | CustomInputDeltaEvent)['type']
  done(written: string): ResponseEvent
  /** Reads the text out of the fragments; undefined when they are the text. */
  readonly reader: FreeTextReader | undefined
  /** What a completed call says where nothing was written. */
  readonly empty: '{}' | ''
}

export function createFunctionCallItem(
  place: Place,
  emit: Emit,
  callId: string,
  tool: CalledTool,
): CallWriter {
  const { itemId, outputIndex } = place
  return createWrittenCall(place, emit, {
    itemAs: (status, written) => ({
      type: 'function_call',
      id: itemId,
      status,
      call_id: callId,
      name: tool.name,
      ...namespaceOf(tool),
      arguments: written,
    }),
    delta: 'response.function_call_arguments.delta',
    done: (written) => ({
      type: 'response.function_call_arguments.done',
      item_id: itemId,
      output_index: outputIndex,
      name: tool.name,
      arguments: written,
    }),
    reader: undefined,
    // A tool without parameters: providers send "" or null, clients parse JSON. A call that was cut
    // off stays empty, so that it does not look whole.
    empty: '{}',
  })
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
  return createWrittenCall(place, emit, {
    itemAs: (status, written) => ({
      type: 'custom_tool_call',
      id: itemId,
      status,
      call_id: callId,
      name: tool.name,
      ...namespaceOf(tool),
      input: written,
    }),
    delta: 'response.custom_tool_call_input.delta',
    done: (written) => ({
      type: 'response.custom_tool_call_input.done',
      item_id: itemId,
      output_index: outputIndex,
      input: written,
    }),
    reader,
    empty: '',
  })
}

function createWrittenCall(
  { itemId, outputIndex }: Place,
  emit: Emit,
  { itemAs, delta: deltaType, done, reader, empty }: WrittenForm,
): CallWriter {
  const wellFormed = new WellFormedText()
  let written = ''

  function write(delta: string): void {
    if (delta === '') return
    written += delta
    emit({ type: deltaType, item_id: itemId, output_index: outputIndex, delta })
  }

  emit({
    type: 'response.output_item.added',
    output_index: outputIndex,
    item: itemAs('in_progress', ''),
  })
  const writer: CallWriter = {
    item: undefined,
    push(piece) {
      write(wellFormed.push(reader === undefined ? piece : reader.push(piece)))
    },
    close(status) {
      if (reader !== undefined) write(wellFormed.push(reader.end(status === 'incomplete')))
      if (status === 'completed' && written.trim() === '') write(empty)
      const item = itemAs(status, written)
      emit(done(written))
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
