#!/usr/bin/env node
/** The `synth` command. Nothing is imported before the version is known to be able to run it. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `synth needs Node 22.19 or newer; this is ${process.versions.node}.\n` +
      'Install a newer Node, or run it on the one of the npm package: npx -p node@24 -p synth-bridge synth\n',
  )
  process.exitCode = 2
} else {
  const { main } = await import('./cli/main.ts')
  process.exitCode = await main(process.argv.slice(2))
}
