// Writes the API data of src/api/schema/ (types.json, resources.json), and src/api/types/ through generate-types.mjs.
// usage: node scripts/generate-api.mjs FACTS_DIR
//
// types.json: { packages, types, kinds, listKinds }. A type id is "<package index>.<Name>"; a type is one string, a line a
// field: `name type flags tag [extras as JSON]`. Flags: r required, o omitempty, z omitzero, p pointer. The tag of a field
// that Go inlines is a path ("2.1": field 1 of the message in field 2). Extras: d default, e enum, lt list type, lk map keys,
// mt map type, ps patch strategy, pk merge key.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const factsDir = process.argv[2]
if (!factsDir) {
  console.error('usage: node scripts/generate-api.mjs FACTS_DIR')
  process.exit(2)
}
const root = new URL('..', import.meta.url).pathname
const facts = (name) => JSON.parse(readFileSync(join(factsDir, `${name}.json`), 'utf8'))
const goTypes = JSON.parse(readFileSync(join(root, 'scripts/go-fields/go-fields.json'), 'utf8'))
const schemas = facts('schemas')
const defaults = facts('schema-defaults')
const enums = facts('enums')
const protobuf = facts('protobuf')
const discovery = facts('discovery')
const aggregated = facts('discovery-aggregated')
const tables = facts('tables')

const packageOf = (id) => id.slice(0, id.lastIndexOf('.'))
const nameOf = (id) => id.slice(id.lastIndexOf('.') + 1)
const messageOf = (id) => id.replace(/^io\.k8s\./, 'k8s.io.').replaceAll('-', '_')

const served = new Set([...Object.keys(schemas).map(packageOf), 'io.k8s.api.admission.v1', 'io.k8s.api.apidiscovery.v2'])

function writeTypes(select, file) {
  const ids = Object.keys(goTypes)
    .filter((id) => select(packageOf(id)))
    .sort()
  const packages = [...new Set(Object.keys(goTypes).map(packageOf))].sort()
  const short = (id) => `${packages.indexOf(packageOf(id))}.${nameOf(id)}`

  const typeExpression = (owner, name, type) => {
    if (/^(\[\]|map:)/.test(type)) {
      const prefix = type.startsWith('[]') ? '[]' : 'map:'
      const wire = protobuf[messageOf(owner)]?.[name]?.type ?? ''
      // A named slice is a message of its own on the wire: { items: 1 }.
      if (type === 'map:[]string' || (type === '[]string' && wire.includes('.'))) return type.replace('[]string', 'items')
      return prefix + typeExpression(owner, '', type.slice(prefix.length))
    }
    return type.includes('.') ? short(type) : type
  }
  const rows = (owner, id, path) =>
    goTypes[id].flatMap((line) => {
      const [name, type, flags, tag] = line.split(' ')
      if (flags.includes('i') && type.endsWith('.meta.v1.TypeMeta')) return ['kind string o ', 'apiVersion string o ']
      if (flags.includes('i')) return rows(owner, type, tag === '' ? path : [...path, tag])
      const property = schemas[owner]?.properties?.[name] ?? {}
      const key = `${owner}.${name}`
      const extras = {
        d: defaults[key],
        e: property.enum ?? property.items?.enum ?? enums[key],
        lt: property['x-kubernetes-list-type'],
        lk: property['x-kubernetes-list-map-keys'],
        mt: property['x-kubernetes-map-type'],
        ps: property['x-kubernetes-patch-strategy'],
        pk: property['x-kubernetes-patch-merge-key'],
      }
      const required = schemas[owner]?.required?.includes(name) ? 'r' : ''
      const text = JSON.stringify(extras)
      const wireTag = tag === '' ? '' : [...path, tag].join('.')
      return [`${name} ${typeExpression(owner, name, type)} ${required}${flags} ${wireTag}${text === '{}' ? '' : ` ${text}`}`]
    })

  const types = Object.fromEntries(
    ids.map((id) => {
      const map = schemas[id]?.['x-kubernetes-map-type']
      return [short(id), [...(map ? [`@${map}`] : []), ...rows(id, id, [])].join('\n')]
    }),
  )
  const kinds = {}
  for (const [id, schema] of Object.entries(schemas)) {
    const of = schema['x-kubernetes-group-version-kind'] ?? []
    // The kinds of meta/v1 that exist in every group-version are found by their name alone.
    if (of.length === 1) kinds[`${of[0].group}/${of[0].version}/${of[0].kind}`] = short(id)
  }
  writeFileSync(file, `${JSON.stringify({ packages, types, kinds }).replaceAll('","', '",\n"')}\n`)
  return ids.length
}

const subresourceOf = (parent, found, sub) => {
  const verbs = sub.verbs.join(',')
  const kind = { group: sub.group ?? found.group, version: sub.version ?? found.version, kind: sub.kind }
  return kind.kind === parent.kind && !sub.group ? [verbs] : [verbs, kind.group, kind.version, kind.kind]
}

function versionData(group, version) {
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  const all = discovery[path].resources
  return all
    .filter((resource) => !resource.name.includes('/'))
    .map((resource) => {
      const subs = all.filter((other) => other.name.startsWith(`${resource.name}/`))
      return {
        n: resource.name,
        s: resource.singularName,
        k: resource.kind,
        ns: resource.namespaced ? 1 : undefined,
        v: resource.verbs.join(','),
        sh: resource.shortNames,
        c: resource.categories,
        h: resource.storageVersionHash,
        sub: subs.length
          ? Object.fromEntries(
              subs.map((sub) => [sub.name.slice(resource.name.length + 1), subresourceOf(resource, { group, version }, sub)]),
            )
          : undefined,
        t: tables[`${path}/${resource.name}`]?.map((column) => [column.name, column.type, column.format, column.priority]),
      }
    })
}

function writeResources(file) {
  const groups = [
    { name: '', versions: ['v1'] },
    ...aggregated['/apis'].items.map((item) => ({ name: item.metadata.name, versions: item.versions.map((v) => v.version) })),
  ].map(({ name, versions }) => ({ name, versions: versions.map((version) => ({ version, resources: versionData(name, version) })) }))
  writeFileSync(file, `${JSON.stringify({ groups }).replaceAll('},{"n":', '},\n{"n":')}\n`)
}

const out = join(root, 'src/api/schema')
mkdirSync(join(out, 'testdata'), { recursive: true })
const count = writeTypes((name) => served.has(name), join(out, 'types.json'))
const others = writeTypes((name) => !served.has(name), join(out, 'testdata/unserved-types.json'))
writeResources(join(out, 'resources.json'))
console.log(`${count} types, ${others} of versions that are not served`)
execFileSync(process.execPath, [join(root, 'scripts/generate-types.mjs'), factsDir], { stdio: 'inherit' })
