// Packs recorded cases (one JSON file a case, one folder an area) into test/golden/cases/<area>.jsonl.gz, one line a case.
//   node scripts/golden-cases.mjs FOLDER
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const [source] = process.argv.slice(2)
if (!source) throw new Error('usage: node scripts/golden-cases.mjs FOLDER')
const target = new URL('../test/golden/cases/', import.meta.url).pathname
for (const area of readdirSync(source).sort()) {
  const files = readdirSync(join(source, area))
    .filter((file) => file.endsWith('.json'))
    .sort()
  const lines = files.map((file) => JSON.stringify(JSON.parse(readFileSync(join(source, area, file), 'utf8'))))
  writeFileSync(join(target, `${area}.jsonl.gz`), gzipSync(`${lines.join('\n')}\n`, { level: 9 }))
  console.log(`${area}: ${lines.length}`)
}
