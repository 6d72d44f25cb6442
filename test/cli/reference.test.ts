import { expect, test } from 'vitest'
import { listCommands } from '../../src/cli/completion/tree.ts'
import { systemContext } from '../../src/cli/context.ts'
import { createProgram } from '../../src/cli/main.ts'
import { NOTED, renderCliReference } from './cli-reference.ts'

test('docs/cli.md says what the commands say', async () => {
  await expect(await renderCliReference()).toMatchFileSnapshot('../../docs/cli.md')
})

test('it has notes only on commands that exist', () => {
  const paths = listCommands(createProgram(systemContext(), () => {})).map(({ path }) => path)
  expect(NOTED.filter((path) => !paths.includes(path))).toEqual([])
})
