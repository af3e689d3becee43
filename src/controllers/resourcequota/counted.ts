import type { GroupVersionResource } from '../../api/object.js'

type GroupResource = Pick<GroupVersionResource, 'group' | 'resource'>
const core = (resource: string): GroupResource => ({ group: '', resource })

/** Core resources whose number has a name of its own. */
const counted = new Set(['pods', 'services', 'replicationcontrollers', 'resourcequotas', 'secrets', 'configmaps', 'persistentvolumeclaims'])
const computeNames = new Set(['cpu', 'memory', 'ephemeral-storage'])
const storageClassInfix = '.storageclass.storage.k8s.io/'

/** The resource whose objects use up what a quota calls by this name; undefined when nothing does. */
export function countedBy(name: string): GroupResource | undefined {
  if (name.startsWith('count/')) {
    const [resource = '', ...group] = name.slice('count/'.length).split('.')
    return { group: group.join('.'), resource }
  }
  if (counted.has(name)) return core(name)
  if (name === 'services.nodeports' || name === 'services.loadbalancers') return core('services')
  if (name === 'requests.storage') return core('persistentvolumeclaims')
  if (name.includes(storageClassInfix)) {
    const of = name.slice(name.indexOf(storageClassInfix) + storageClassInfix.length)
    return of === 'requests.storage' || of === 'persistentvolumeclaims' ? core('persistentvolumeclaims') : undefined
  }
  return isPodResource(name) ? core('pods') : undefined
}

/** Requests and limits of pods: native resources by their bare name as well, extended ones (with a domain) as requests alone. */
function isPodResource(name: string): boolean {
  const side = /^(requests|limits)\./.exec(name)?.[1]
  const bare = side ? name.slice(side.length + 1) : name
  if (computeNames.has(bare)) return true
  if (bare.startsWith('hugepages-')) return side !== 'limits'
  return side === 'requests' && bare.includes('/')
}

/** The resources of a quota's names, each once. */
export function resourcesOf(names: readonly string[]): GroupResource[] {
  const found = new Map<string, GroupResource>()
  for (const name of names) {
    const of = countedBy(name)
    if (of) found.set(`${of.resource}.${of.group}`, of)
  }
  return [...found.values()]
}
