// Writes src/apiserver/bootstrap/*.json: the objects that every new cluster has, from facts of the real v1.36
// (FACTS_DIR/bootstrap: one list a resource). What a server computes itself (status, times) is left out.
// Usage: node scripts/generate-bootstrap.mjs FACTS_DIR
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [facts] = process.argv.slice(2)
if (!facts) {
  console.error('usage: node scripts/generate-bootstrap.mjs FACTS_DIR')
  process.exit(2)
}
const target = new URL('../src/apiserver/bootstrap/', import.meta.url).pathname
const names = [
  'apiservices',
  'clusterrolebindings',
  'clusterroles',
  'flowschemas',
  'namespaces',
  'prioritylevelconfigurations',
  'priorityclasses',
  'rolebindings',
  'roles',
]
for (const name of names) {
  const objects = JSON.parse(readFileSync(join(facts, 'bootstrap', `${name}.json`), 'utf8'))
  for (const object of objects) {
    delete object.status
    for (const field of ['uid', 'resourceVersion', 'creationTimestamp', 'generation', 'managedFields']) delete object.metadata[field]
  }
  objects.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0))
  // One object a line: short, and a change of one object is a change of one line.
  const lines = objects.map((object) => JSON.stringify(object))
  writeFileSync(join(target, `${name}.json`), `[\n${lines.join(',\n')}\n]\n`)
  console.log(`${name}: ${objects.length}`)
}
