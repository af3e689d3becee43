// Writes src/node/flags/data/<component>.json: every flag that the real component has, with its type and default.
// usage: node scripts/generate-flags.mjs FACTS_DIR
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The help of Go's flags shows texts in quotes, and the kubelet's a deprecation behind the default. */
const plain = (value) => {
  if (typeof value !== 'string') return value
  const bare = value.replace(/\) \(DEPRECATED: .*$/s, '')
  return /^".*"$/s.test(bare) ? JSON.parse(bare) : bare
}

const factsDir = process.argv[2]
if (!factsDir) {
  console.error('usage: node scripts/generate-flags.mjs FACTS_DIR')
  process.exit(2)
}
for (const component of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'kubelet']) {
  const flags = JSON.parse(readFileSync(join(factsDir, 'flags', `${component}.json`), 'utf8'))
  const rows = Object.entries(flags).map(([name, { type, default: value, section, short, deprecated }]) =>
    JSON.stringify({ name, type, default: plain(value), section, short, deprecated: deprecated ? true : undefined }),
  )
  writeFileSync(new URL(`../src/node/flags/data/${component}.json`, import.meta.url), `[\n${rows.join(',\n')}\n]\n`)
}
