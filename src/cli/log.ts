/**
 * What `synth serve` says on stderr while it runs: lines for a person on a terminal, one JSON object a line
 * for whatever collects logs elsewhere.
 */
import type { BridgeEvent, CallLog } from '../compose.ts'
import type { Config } from '../config/schema.ts'
import type { CliContext } from './context.ts'
import { toCallLine, toLogLine } from './log-line.ts'
import { toVisible } from './visible.ts'

export interface Log {
  event(event: BridgeEvent): void
  call(call: CallLog): void
  /** Before it serves: a warning of the configuration, or what was found in place of one. */
  say(level: 'info' | 'warn', message: string): void
}

export async function createLog(
  format: Config['server']['log'],
  context: Pick<CliContext, 'stderr' | 'stderrIsTerminal'>,
): Promise<Log> {
  const isText = format === 'text' || (format === 'auto' && context.stderrIsTerminal)
  return isText ? createTextLog(context.stderr) : createJsonLog(context.stderr)
}

function createTextLog(write: (text: string) => void): Log {
  return {
    event: (event) => write(toLogLine(event)),
    call: (call) => write(toCallLine(call)),
    say: (level, message) => write(`${level === 'warn' ? 'warning: ' : ''}${message}\n`),
  }
}

/** Only here, so that no other command waits for pino to load. */
async function createJsonLog(write: (text: string) => void): Promise<Log> {
  const { pino } = await import('pino')
  const logger = pino(
    {
      // Whoever collects knows the machine and the process.
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    // A control character that JSON lets stand would still break a line or turn it around.
    { write: (line: string) => write(`${toVisible(line.trimEnd())}\n`) },
  )
  return {
    event: ({ level, requestId, message, error }) =>
      logger[level](
        {
          ...(requestId === undefined ? {} : { request_id: requestId }),
          ...(error === undefined ? {} : { error_code: error.code }),
        },
        message,
      ),
    call: ({ level, ...call }) => logger[level](call, `call ${call.outcome}`),
    say: (level, message) => logger[level](message),
  }
}
