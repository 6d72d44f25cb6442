/** The stop tool's call, which the client sees only as the text of a message. */
import type { FreeTextReader } from './free-text.ts'
import type { MessageWriter } from './message-item.ts'
import type { Output } from './output.ts'

export interface StopMessage {
  push(piece: string): void
  end(cut: boolean): void
}

export function createStopMessage(output: Output, reader: FreeTextReader): StopMessage {
  let message: MessageWriter | undefined

  function write(text: string): void {
    if (text === '') return
    message ??= output.openMessage()
    message.text(text, [])
  }

  return {
    push(piece) {
      write(reader.push(piece))
    },
    end(cut) {
      write(reader.end(cut))
    },
  }
}
