// Runs bench/*.ts one after the other (each bundled, then run in a fresh process). `make bench` runs all;
// `node scripts/bench.mjs NAME` one. A benchmark prints lines of: figure, unit, ratio to the last recorded run.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { bundling } from './build.mjs'

const root = new URL('..', import.meta.url).pathname
const only = process.argv.slice(2)
const names = readdirSync(join(root, 'bench'))
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.replace(/\.bench\.ts$/, ''))
  .filter((name) => only.length === 0 || only.includes(name))
const out = join(root, 'dist/bench')
mkdirSync(out, { recursive: true })
let failed = 0
for (const name of names) {
  console.log(`# ${name}`)
  await build({ ...bundling, entryPoints: [join(root, 'bench', `${name}.bench.ts`)], outfile: join(out, `${name}.cjs`), format: 'cjs' })
  const { status } = spawnSync(process.execPath, ['--expose-gc', join(out, `${name}.cjs`)], { cwd: root, stdio: 'inherit' })
  if (status !== 0) failed++
}
process.exit(failed ? 1 : 0)
