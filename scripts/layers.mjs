// Checks the layer rule of docs/ARCHITECTURE.md over every import below src/: a folder imports only from rows above it,
// the pure layers import no node: module, only apiserver and storage know the store, and no import goes round in a circle.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const root = new URL('..', import.meta.url).pathname
const src = join(root, 'src')

/** From the bottom up. A folder may import from itself and from rows above (earlier in this list). */
const rows = [
  ['base'],
  ['api'],
  ['pki'],
  ['storage'],
  ['client'],
  ['apiserver'],
  ['controllers', 'scheduler', 'kubelet', 'proxy', 'dns', 'network', 'lb'],
  ['node'],
  ['adm', 'local', 'doctor', 'drills', 'design', 'dashboard', 'testing'],
  ['cli'],
]
const rowOf = new Map(rows.flatMap((folders, row) => folders.map((folder) => [folder, row])))

/** Folders where node: modules are not allowed, with the places in them that are the effectful shell. */
const pure = ['base', 'api', 'client', 'controllers', 'scheduler', 'apiserver', 'kubelet', 'storage']
const shell = [
  /^apiserver\/(http|authn|aggregation|webhooks|kubelet-connector)\//,
  /^kubelet\/(server|runtimes\/(native|cri)|files|volumes|machine)\//,
  /^client\/https\//,
  /^storage\/(embedded|etcd|etcd-server|framed|encryption)\//,
  /^base\/node\//,
]

/** Who may import the store. */
const storeUsers = new Set(['apiserver', 'storage', 'node', 'local', 'cli', 'testing', 'adm', 'doctor'])
/** Siblings of one row do not know each other, nor the API server: they see the cluster through the client. */
const clientOnly = new Set(['controllers', 'scheduler', 'kubelet', 'proxy', 'dns', 'network', 'lb'])

function* files(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) yield* files(path)
    else if (/\.tsx?$/.test(entry.name)) yield path
  }
}

const importPattern = /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\s+from\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g
const faults = []
const graph = new Map()

for (const file of files(src)) {
  const from = relative(src, file)
  const folder = from.split('/')[0]
  const isTest = from.endsWith('.test.ts') || from.includes('/testdata/') || from.endsWith('.contract.ts')
  const edges = []
  graph.set(from, edges)
  for (const match of readFileSync(file, 'utf8').matchAll(importPattern)) {
    const typeOnly = Boolean(match[1])
    const target = match[2] ?? match[3]
    if (target.startsWith('node:')) {
      if (pure.includes(folder) && !isTest && !shell.some((place) => place.test(from)))
        faults.push(`${from}: imports ${target}; ${folder}/ is pure (see scripts/layers.mjs for its shell)`)
      continue
    }
    if (!target.startsWith('.')) continue
    const to = relative(src, join(dirname(file), target)).replace(/\.js$/, '.ts')
    if (!typeOnly && !match[3]) edges.push(to)
    const toFolder = to.split('/')[0]
    if (toFolder === folder || isTest) continue
    if (!rowOf.has(folder)) faults.push(`${from}: the folder ${folder}/ has no row in scripts/layers.mjs`)
    else if (!rowOf.has(toFolder)) faults.push(`${from}: imports ${to}, whose folder has no row`)
    else if (rowOf.get(toFolder) >= rowOf.get(folder)) faults.push(`${from}: imports ${to}, which is not in a row above`)
    else if (toFolder === 'storage' && !storeUsers.has(folder))
      faults.push(`${from}: only the API server talks to the store (imports ${to})`)
    else if (toFolder === 'apiserver' && clientOnly.has(folder))
      faults.push(`${from}: sees the cluster through client/ alone (imports ${to})`)
  }
}

const state = new Map()
function visit(node, path) {
  if (state.get(node) === 'done') return
  if (state.get(node) === 'open') {
    faults.push(`import cycle: ${[...path.slice(path.indexOf(node)), node].join(' → ')}`)
    return
  }
  state.set(node, 'open')
  for (const next of graph.get(node) ?? []) visit(next, [...path, node])
  state.set(node, 'done')
}
for (const node of graph.keys()) visit(node, [])

for (const fault of faults) console.error(fault)
console.log(`layers: ${graph.size} files, ${faults.length} faults`)
process.exit(faults.length ? 1 : 0)
