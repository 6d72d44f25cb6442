import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Environment, type LoadedConfig, loadConfig } from '../../src/config/load.ts'

/** Runs `work` in a folder of its own that holds these files. */
export function inFolder<T>(
  files: Readonly<Record<string, string>>,
  work: (folder: string) => T,
): T {
  const folder = mkdtempSync(join(tmpdir(), 'synth-config-'))
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The configuration that a file of this text, `synth.toml`, gives. */
export function loadText(text: string, env: Environment = {}): LoadedConfig {
  return inFolder({ 'synth.toml': text }, (folder) =>
    loadConfig({ path: 'synth.toml', env, cwd: folder, home: folder }),
  )
}
