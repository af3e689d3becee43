// Runs the code checks and the test suite, then prints the closing line that CI reads: "N passed, N failed, N skipped".
// Each check (types, lint, format, layers) counts as one test.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = new URL('..', import.meta.url).pathname
let passed = 0
let failed = 0
let skipped = 0

for (const check of ['types', 'lint', 'format', 'layers']) {
  const { status } = spawnSync(process.execPath, [join(root, 'scripts/lint.mjs'), check], { cwd: root, stdio: 'inherit' })
  if (status === 0) passed++
  else failed++
}

const dir = mkdtempSync(join(tmpdir(), 'quorate-test-'))
const report = join(dir, 'report.json')
const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const { status } = spawnSync(process.execPath, [...vitest, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
try {
  const result = JSON.parse(readFileSync(report, 'utf8'))
  passed += result.numPassedTests
  failed += result.numFailedTests
  skipped += result.numPendingTests + (result.numTodoTests ?? 0)
  // A file that fails to load has no failed test of its own, and still must fail the run.
  failed += result.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length
} catch {
  failed++
}
if (status !== 0 && failed === 0) failed++
rmSync(dir, { recursive: true, force: true })
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exit(failed === 0 ? 0 : 1)
