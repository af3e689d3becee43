/** What of an answer is compared: no human messages, and placeholders for what no two servers give alike. */

type Json = Readonly<Record<string, unknown>>

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const jwt = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/
const tokenVolume = /kube-api-access-[a-z0-9]{5}/g
const generatedSuffix = /-[bcdfghjklmnpqrstvwxz2456789]{5}$/
const serviceAddress = /^10\.(?:9[6-9]|1[01]\d)\.\d+\.\d+$/
const age = /^(?:\d+[smh])+$/
const opaque = new Set(['resourceVersion', 'continue', 'selfLink', 'storageVersionHash', 'hash'])
const addressKeys = new Set(['clusterIP', 'ip', 'clusterIPs'])
const portKeys = new Set(['nodePort', 'healthCheckNodePort'])
const statusDetails = ['name', 'group', 'kind', 'retryAfterSeconds']

export function normalized(value: unknown, key?: string, parent?: Json): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => normalized(item, key))
    return key === 'managedFields' ? items.sort((a, b) => (canonical(a) < canonical(b) ? -1 : 1)) : items
  }
  if (typeof value === 'object' && value !== null) {
    const object = value as Json
    if (object['kind'] === 'Status' && object['apiVersion'] === 'v1') return normalizedStatus(object)
    const isText = (name: string) => typeof object[name] === 'string'
    return Object.fromEntries(
      Object.keys(object)
        .filter((name) => !(name === 'message' && isText(name)))
        .filter((name) => !(name === 'description' && isText(name) && key !== 'properties' && key !== 'spec'))
        .map((name) => [name, normalized(object[name], name, object)]),
    )
  }
  if (typeof value === 'string') return normalizedText(value, key, parent)
  if (typeof value === 'number') {
    if (key && portKeys.has(key) && value >= 30000 && value <= 32767 && value % 1000 > 400) return '<port>'
    if (key === 'remainingItemCount') return '<n>'
  }
  return value
}

function normalizedStatus(status: Json): unknown {
  const details = (status['details'] ?? {}) as Json
  const causes = (details['causes'] ?? []) as readonly { readonly reason?: string; readonly field?: string }[]
  return {
    Status: status['status'] ?? null,
    reason: status['reason'] ?? null,
    code: status['code'] ?? null,
    details: Object.fromEntries(
      statusDetails.filter((name) => Object.hasOwn(details, name)).map((name) => [name, normalized(details[name], name)]),
    ),
    causes: [...new Set(causes.map(({ reason, field }) => `${reason ?? ''} ${field ?? ''}`))].sort(),
  }
}

function normalizedText(text: string, key: string | undefined, parent: Json | undefined): string {
  if (key && opaque.has(key)) return text === '' || text === '0' ? text : `<${key}>`
  if (uuid.test(text)) return '<uid>'
  if (time.test(text)) return '<time>'
  const known = text.replace(tokenVolume, 'kube-api-access-<rand>')
  if (key === 'cells' && age.test(known)) return '<age>'
  if (jwt.test(known)) return '<token>'
  if (key && addressKeys.has(key) && serviceAddress.test(known)) return '<ip>'
  return key === 'name' && parent?.['generateName'] ? known.replace(generatedSuffix, '-<rand>') : known
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

const shortest = (value: unknown) => (JSON.stringify(value) ?? 'nothing').slice(0, 160)

/** Where two normalized values differ, one line a place. */
export function differences(want: unknown, got: unknown, path = ''): string[] {
  if (Array.isArray(want) && Array.isArray(got)) {
    if (want.length !== got.length)
      return [`${path}: want ${want.length} items got ${got.length}: want ${shortest(want)} got ${shortest(got)}`]
    return want.flatMap((item, index) => differences(item, got[index], `${path}[${index}]`))
  }
  if (isObject(want) && isObject(got)) {
    return [...new Set([...Object.keys(want), ...Object.keys(got)])].sort().flatMap((name) => {
      if (!Object.hasOwn(want, name)) return [`${path}.${name}: unexpected ${shortest(got[name])}`]
      if (!Object.hasOwn(got, name)) return [`${path}.${name}: missing, want ${shortest(want[name])}`]
      return differences(want[name], got[name], `${path}.${name}`)
    })
  }
  return want === got ? [] : [`${path}: want ${shortest(want)} got ${shortest(got)}`]
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
