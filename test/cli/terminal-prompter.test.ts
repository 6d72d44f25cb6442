/** The real prompts, with keys pressed into a stream in place of a keyboard. */
import { PassThrough, Writable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { Cancelled } from '../../src/cli/prompter.ts'
import { createTerminalPrompter } from '../../src/cli/terminal-prompter.ts'

const ENTER = '\r'
const DOWN = '\u001b[B'
const CTRL_C = '\u0003'

/** A screen that says when a text has appeared on it. */
class Screen extends Writable {
  text = ''
  #waiting: { readonly text: string; readonly resolve: () => void }[] = []

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.text += stripVTControlCharacters(piece.toString())
    this.#waiting = this.#waiting.filter(({ text, resolve }) => {
      if (!this.text.includes(text)) return true
      resolve()
      return false
    })
    done()
  }

  shows(text: string): Promise<void> {
    if (this.text.includes(text)) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push({ text, resolve })
    })
  }
}

function sit() {
  const input = new PassThrough()
  const output = new Screen()
  return {
    screen: output,
    press: (keys: string) => input.write(keys),
    prompter: createTerminalPrompter({ input, output }),
  }
}

const LIMIT = {
  message: 'How much?',
  placeholder: '20',
  fallback: '20',
  findFault: (answer: string) => (/^\d+$/.test(answer) ? undefined : 'It must be a number.'),
}
const CHOICES = ['one', 'two', 'three'].map((value) => ({ value, label: value }))

test('a choice is walked to and taken', async () => {
  const { screen, press, prompter } = sit()
  const chosen = prompter.choose({ message: 'Which?', choices: CHOICES })
  await screen.shows('Which?')
  press(DOWN)
  press(ENTER)
  expect(await chosen).toBe('two')
})

test('a long list is searched by typing', async () => {
  const choices = Array.from({ length: 40 }, (_, index) => `model-${index}`).map((value) => ({
    value,
    label: value,
  }))
  const { screen, press, prompter } = sit()
  const chosen = prompter.choose({ message: 'Which?', choices })
  await screen.shows('Which?')
  press('37')
  press(ENTER)
  expect(await chosen).toBe('model-37')
})

test('an empty answer is the fallback', async () => {
  const { screen, press, prompter } = sit()
  const answer = prompter.ask(LIMIT)
  await screen.shows('How much?')
  press(ENTER)
  expect(await answer).toBe('20')
})

test('a wrong answer is refused with the reason, and can be mended', async () => {
  const { screen, press, prompter } = sit()
  const answer = prompter.ask(LIMIT)
  await screen.shows('How much?')
  press('5x')
  press(ENTER)
  await screen.shows('It must be a number.')
  press('\u007f')
  press(ENTER)
  expect(await answer).toBe('5')
})

test.each(['choose', 'ask'] as const)('Ctrl-C at %s cancels', async (kind) => {
  const { screen, press, prompter } = sit()
  const answer =
    kind === 'ask'
      ? prompter.ask(LIMIT)
      : prompter.choose({ message: 'How much?', choices: CHOICES })
  const refused = expect(answer).rejects.toBeInstanceOf(Cancelled)
  await screen.shows('How much?')
  press(CTRL_C)
  await refused
})

test('what is said goes to the same screen', () => {
  const { screen, prompter } = sit()
  prompter.begin('synth init')
  prompter.say('nothing found')
  prompter.end('done')
  expect(screen.text).toMatch(/synth init[\s\S]*nothing found[\s\S]*done/)
})
