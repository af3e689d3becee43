import type { Pod } from '../../api/types/core-v1.js'

/** /etc/hosts of a pod's containers: its own name by each of its addresses, and its host aliases. Pure. */
const header = `# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
`

/** `hostFile`: the node's own, which pods in its network share. */
export function hostsFile(pod: Pod, podIps: readonly string[], clusterDomain: string, hostFile: string): string {
  const { spec, metadata } = pod
  const aliases = (spec?.hostAliases ?? []).map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}\n`)
  const added = aliases.length > 0 ? `\n# Entries added by HostAliases.\n${aliases.join('')}` : ''
  if (spec?.hostNetwork) return `# Kubernetes-managed hosts file (host network).\n${hostFile}${added}`
  const name = hostnameOf(pod)
  const domain = spec?.subdomain ? `${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}` : ''
  const own = podIps.map((ip) => (domain === '' ? `${ip}\t${name}\n` : `${ip}\t${name}.${domain}\t${name}\n`))
  return header + own.join('') + added
}

const nameLengthMax = 63

export function hostnameOf({ metadata, spec }: Pod): string {
  return (spec?.hostname || (metadata.name ?? '')).slice(0, nameLengthMax).replace(/[-.]+$/, '')
}
