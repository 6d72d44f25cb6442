/**
 * Fragments of tool calls as calls: which fragment belongs to which call, and what each becomes for
 * the client.
 *
 * ```
 *   pending ──name, and id or arguments──▶ writing ──▶ (closed by the output)
 *      │    └─a tool that may not be called─▶ suppressed
 *      └─no name by the end─▶ dropped
 * ```
 *
 * A call is found by its index, but an index alone proves nothing: engines send index 0 for every
 * parallel call, -1, or none. So a fragment with a name starts a new call where the call at its index
 * has another id, or has all its arguments already. The first id and the first name stay.
 */

import type { ResponseEvent } from '../../protocol/responses/events.ts'
import type { Ids } from '../ids.ts'
import type { ToolTable, ToolTarget } from '../tool-table.ts'
import { CUSTOM_INPUT_PROPERTY, STOP_MESSAGE_PROPERTY, STOP_TOOL_NAME } from '../tool-table.ts'
import type { CallFragment } from './call-fragment.ts'
import { createCustomCallItem, createFunctionCallItem, createToolSearchItem } from './call-items.ts'
import { createFreeTextReader } from './free-text.ts'
import { ObjectEnd } from './object-end.ts'
import type { Output } from './output.ts'
import { createStopMessage, type StopMessage } from './stop-message.ts'

export interface ToolCallsOptions {
  readonly output: Output
  readonly tools: ToolTable
  /** How many calls the client takes; undefined for any number. */
  readonly maxCalls?: number | undefined
  readonly ids: Ids
  readonly emit: (event: ResponseEvent) => void
}

export interface ToolCalls {
  /** Whether the stop tool was called. */
  readonly stopped: boolean
  /** The tools that were called without being allowed, or once too often, in order. */
  readonly suppressed: readonly string[]
  /** Calls that never got a name. */
  readonly nameless: number
  /** One fragment of a stream. */
  push(fragment: CallFragment): void
  /** One whole call of a body: a call of its own whatever its index. */
  pushWhole(fragment: CallFragment): void
  /** No more fragments: what waits is written, or dropped. `cut` when the model did not finish. */
  end(cut: boolean): void
}

type CallState =
  | { readonly at: 'pending'; readonly held: string }
  | { readonly at: 'writing'; readonly push: (piece: string) => void }
  | { readonly at: 'suppressed' }

interface Call {
  id: string
  name: string
  readonly isCustom: boolean
  readonly hasIndex: boolean
  readonly objectEnd: ObjectEnd
  state: CallState
}

export function createToolCalls(options: ToolCallsOptions): ToolCalls {
  return new CallAssembler(options)
}

class CallAssembler implements ToolCalls {
  readonly #options: ToolCallsOptions
  readonly #calls: Call[] = []
  /** Those not written yet, in order. */
  readonly #pending = new Set<Call>()
  readonly #byIndex = new Map<number, Call>()
  readonly #usedCallIds = new Set<string>()
  readonly #stops: StopMessage[] = []
  readonly suppressed: string[] = []
  /** Calls that the client sees. */
  #shown = 0

  constructor(options: ToolCallsOptions) {
    this.#options = options
  }

  get stopped(): boolean {
    return this.#stops.length > 0
  }

  get nameless(): number {
    return [...this.#pending].filter((call) => call.name === '').length
  }

  push(fragment: CallFragment): void {
    const call = this.#find(fragment) ?? this.#begin(fragment)
    if (fragment.index !== undefined) this.#byIndex.set(fragment.index, call)
    this.#add(call, fragment)
  }

  pushWhole(fragment: CallFragment): void {
    this.#add(this.#begin(fragment), fragment)
  }

  end(cut: boolean): void {
    for (const call of this.#pending) if (call.name !== '') this.#write(call)
    for (const stop of this.#stops) stop.end(cut)
  }

  #find(fragment: CallFragment): Call | undefined {
    const { index, id, name } = fragment
    const atIndex = index === undefined ? undefined : this.#byIndex.get(index)
    if (atIndex !== undefined) {
      const isOther = name !== '' && id !== '' && atIndex.id !== '' && id !== atIndex.id
      return isOther || this.#startsAnew(atIndex, fragment) ? undefined : atIndex
    }
    if (id !== '') {
      const sameId = this.#calls.findLast((call) => call.id === id)
      // Behind a new index a name means a new call: TGI gives every call the id "0".
      if (sameId === undefined || (index !== undefined && name !== '')) return undefined
      return this.#startsAnew(sameId, fragment) ? undefined : sameId
    }
    const last = this.#calls.at(-1)
    if (last === undefined) return undefined
    const isUnmarked = !last.hasIndex && last.id === ''
    if (name !== '') {
      // Neither index nor id, its name on every fragment.
      const isSame = index === undefined && isUnmarked && name === last.name
      return isSame && !this.#startsAnew(last, fragment) ? last : undefined
    }
    return index === undefined || !last.hasIndex ? last : undefined
  }

  /** JSON behind a whole object can only be another call's. */
  #startsAnew(call: Call, { name, arguments: args }: CallFragment): boolean {
    return name !== '' && call.objectEnd.ended && (args.trim() !== '' || name !== call.name)
  }

  #begin(fragment: CallFragment): Call {
    const call: Call = {
      id: '',
      name: '',
      isCustom: fragment.isCustom,
      hasIndex: fragment.index !== undefined,
      objectEnd: new ObjectEnd(),
      state: { at: 'pending', held: '' },
    }
    this.#calls.push(call)
    this.#pending.add(call)
    return call
  }

  #add(call: Call, fragment: CallFragment): void {
    if (call.id === '') call.id = fragment.id
    if (call.name === '') call.name = fragment.name
    call.objectEnd.push(fragment.arguments)
    const { state } = call
    if (state.at === 'writing') state.push(fragment.arguments)
    if (state.at !== 'pending') return
    const held = state.held + fragment.arguments
    call.state = { at: 'pending', held }
    if (call.name !== '' && (call.id !== '' || held !== '')) this.#open(call)
  }

  #open(call: Call): void {
    // In the order in which they came: one that waits for its id only does not lose its place.
    for (const waiting of this.#pending) {
      if (waiting.name !== '') this.#write(waiting)
      if (waiting === call) return
    }
  }

  #write(call: Call): void {
    this.#pending.delete(call)
    const held = call.state.at === 'pending' ? call.state.held : ''
    if (call.name !== STOP_TOOL_NAME && !this.#mayShow(call.name)) {
      this.suppressed.push(call.name)
      call.state = { at: 'suppressed' }
      return
    }
    const push = this.#openWriter(call)
    call.state = { at: 'writing', push }
    if (held !== '') push(held)
  }

  #mayShow(name: string): boolean {
    const { tools, maxCalls } = this.#options
    if (!tools.allows(name)) return false
    if (maxCalls !== undefined && this.#shown >= maxCalls) return false
    this.#shown++
    return true
  }

  #openWriter(call: Call): (piece: string) => void {
    const target = this.#targetOf(call)
    switch (target.kind) {
      case 'stop': {
        const stop = createStopMessage(
          this.#options.output,
          createFreeTextReader(STOP_MESSAGE_PROPERTY, false),
        )
        this.#stops.push(stop)
        return stop.push
      }
      case 'tool_search':
        return this.#options.output.openCall('tsc', (place) =>
          createToolSearchItem(place, this.#options.emit, this.#callId(call)),
        ).push
      case 'custom': {
        const reader = call.isCustom ? undefined : createFreeTextReader(CUSTOM_INPUT_PROPERTY, true)
        return this.#options.output.openCall('ctc', (place) =>
          createCustomCallItem(place, this.#options.emit, this.#callId(call), target, reader),
        ).push
      }
      case 'function':
        return this.#options.output.openCall('fc', (place) =>
          createFunctionCallItem(place, this.#options.emit, this.#callId(call), target),
        ).push
    }
  }

  #targetOf(call: Call): ToolTarget {
    // Never a client's tool, so never shown, even where it was not offered.
    if (call.name === STOP_TOOL_NAME) return { kind: 'stop' }
    const target = this.#options.tools.target(call.name)
    if (target !== undefined) return target
    return { kind: call.isCustom ? 'custom' : 'function', name: call.name }
  }

  /** The upstream's own id, which is opaque; a fresh one where it is empty or used already. */
  #callId(call: Call): string {
    const id =
      call.id === '' || this.#usedCallIds.has(call.id) ? this.#options.ids.next('call') : call.id
    this.#usedCallIds.add(id)
    return id
  }
}
