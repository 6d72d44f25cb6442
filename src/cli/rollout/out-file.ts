/**
 * The file of `--out`: a line for each seed, each on the disk before the next seed counts as done. A
 * crash tears the last line at most, and `--resume` removes what is torn.
 */
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { encodeLine, type RolloutLine, readLines } from '../../rollout/line.ts'
import { RefusedError, UsageError } from '../context.ts'

export interface OutFile {
  /** As it was named; undefined where nothing is kept. */
  readonly name: string | undefined
  /** What it held when it was opened, by seed. */
  readonly earlier: ReadonlyMap<number, RolloutLine>
  /** Whether a torn line was removed. */
  readonly wasTorn: boolean
  /** Resolves once the line is on the disk. @throws {RefusedError} when it cannot be written */
  append(line: RolloutLine): Promise<void>
  close(): Promise<void>
}

export interface OutFileOptions {
  /** Undefined keeps nothing. */
  readonly path: string | undefined
  readonly resume: boolean
  readonly cwd: string
}

export const KEEPS_NOTHING: OutFile = {
  name: undefined,
  earlier: new Map(),
  wasTorn: false,
  append: async () => {},
  close: async () => {},
}

/** @throws {UsageError} where the flags would lose what a file holds */
export async function openOutFile({ path, resume, cwd }: OutFileOptions): Promise<OutFile> {
  if (path === undefined) {
    if (resume) throw new UsageError('--resume continues the file of --out: name it.')
    return KEEPS_NOTHING
  }
  const file = await openForAppend(path, cwd)
  try {
    const text = await file.readFile('utf8')
    if (text !== '' && !resume) {
      throw new UsageError(
        `--out: ${path} exists. --resume runs the seeds that it lacks; another name starts afresh.`,
      )
    }
    const { lines, wholeChars, problem } = readLines(text)
    if (problem !== undefined) {
      throw new UsageError(
        `--out: ${path}:${problem.line} ${problem.reason}, so this is no file to resume. Name another.`,
      )
    }
    const wasTorn = wholeChars < text.length
    if (wasTorn) await file.truncate(Buffer.byteLength(text.slice(0, wholeChars)))
    return { name: path, earlier: lines, wasTorn, ...appending(file, path) }
  } catch (cause) {
    await file.close()
    throw cause
  }
}

async function openForAppend(path: string, cwd: string): Promise<FileHandle> {
  const full = resolve(cwd, path)
  try {
    await mkdir(dirname(full), { recursive: true })
    return await open(full, 'a+')
  } catch (cause) {
    throw new UsageError(`--out: ${path} cannot be written: ${messageOf(cause)}.`)
  }
}

/** Lines that come while others are being written go to the disk together with the next ones. */
function appending(file: FileHandle, path: string): Pick<OutFile, 'append' | 'close'> {
  let waiting: string[] = []
  let writing: Promise<void> | undefined

  async function flush(previous: Promise<void> | undefined): Promise<void> {
    await previous
    const text = waiting.join('')
    waiting = []
    // Whoever came before may have written this line too.
    if (text === '') return
    await file.appendFile(text)
    await file.datasync()
  }

  return {
    async append(line) {
      waiting.push(encodeLine(line))
      writing = flush(writing)
      await writing.catch((cause: unknown) => {
        throw new RefusedError(
          `--out: ${path} cannot be written: ${messageOf(cause)}. What it holds is whole; --resume goes on from there.`,
        )
      })
    },
    async close() {
      await writing?.catch(() => {
        // Said already, to whoever appended.
      })
      await file.close()
    },
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : `${cause}`)
