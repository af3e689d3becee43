/** Labels of a Node that its own kubelet may set (KEP-279): those it reports, and any outside kubernetes.io and k8s.io. Pure. */
const reported = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
])
const kubeletDomains = ['kubelet.kubernetes.io', 'node.kubernetes.io']

/** Keys that were changed and may not be, sorted. */
export function forbiddenLabels(
  now: Readonly<Record<string, string>> | undefined,
  old: Readonly<Record<string, string>> | undefined,
): string[] {
  const keys = new Set([...Object.keys(now ?? {}), ...Object.keys(old ?? {})])
  return [...keys].filter((key) => now?.[key] !== old?.[key] && !mayChange(key)).sort()
}

function mayChange(key: string): boolean {
  const slash = key.indexOf('/')
  const domain = slash < 0 ? '' : key.slice(0, slash)
  const below = (parent: string) => domain === parent || domain.endsWith(`.${parent}`)
  // This domain is kept for workloads that must not trust a node's word.
  if (below('node-restriction.kubernetes.io')) return false
  if (!below('kubernetes.io') && !below('k8s.io')) return true
  return reported.has(key) || kubeletDomains.some(below)
}
