// Runs every check of the code: types, lint rules (type-aware), format, layers. Says each one's outcome; fails when any did.
import { spawnSync } from 'node:child_process'

const root = new URL('..', import.meta.url).pathname
const checks = [
  ['types', 'tsc', ['--noEmit']],
  ['lint', 'oxlint', ['--type-aware', '--deny-warnings', 'src', 'test', 'bench', 'scripts', 'bin']],
  ['format', 'biome', ['format', '.']],
]
const only = process.argv.slice(2)
let failed = 0
for (const [name, command, args] of [...checks, ['layers', process.execPath, ['scripts/layers.mjs']]]) {
  if (only.length && !only.includes(name)) continue
  const file = command === process.execPath ? command : `${root}node_modules/.bin/${command}`
  const { status } = spawnSync(file, args, { cwd: root, stdio: 'inherit' })
  console.log(`${name}: ${status === 0 ? 'ok' : 'failed'}`)
  if (status !== 0) failed++
}
process.exit(failed ? 1 : 0)
