import type { Service } from '../../api/types/core-v1.js'

/**
 * The environment variables that tell a container of the Services of its namespace, and always of the API's own (upstream's
 * pkg/kubelet/envvars): {NAME}_SERVICE_HOST and _PORT, and the older names of Docker's links.
 */
const masterNamespace = 'default'
const masterService = 'kubernetes'

/** Services that a container in `namespace` is told of. `links`: spec.enableServiceLinks. */
export function servicesFor(own: Iterable<Service>, master: Service | undefined, links: boolean): Service[] {
  const shown: Service[] = master && hasAddress(master) ? [master] : []
  if (links) for (const service of own) if (hasAddress(service) && !isMaster(service)) shown.push(service)
  return shown
}

export function isMaster({ metadata }: Service): boolean {
  return metadata.namespace === masterNamespace && metadata.name === masterService
}

export const masterServiceKey = `${masterNamespace}/${masterService}`

function hasAddress({ spec }: Service): boolean {
  return Boolean(spec?.clusterIP) && spec?.clusterIP !== 'None'
}

export function serviceVariables(services: readonly Service[]): Map<string, string> {
  const variables = new Map<string, string>()
  for (const { metadata, spec } of services) {
    const ip = spec?.clusterIP ?? ''
    const ports = spec?.ports ?? []
    const [first] = ports
    const prefix = variableName(metadata.name ?? '')
    variables.set(`${prefix}_SERVICE_HOST`, ip)
    if (first) variables.set(`${prefix}_SERVICE_PORT`, String(first.port))
    for (const { name, port } of ports) if (name) variables.set(`${prefix}_SERVICE_PORT_${variableName(name)}`, String(port))
    ports.forEach(({ port, protocol = 'TCP' }, index) => {
      const url = `${protocol.toLowerCase()}://${ip.includes(':') ? `[${ip}]` : ip}:${port}`
      const link = `${prefix}_PORT_${port}_${protocol}`
      if (index === 0) variables.set(`${prefix}_PORT`, url)
      variables.set(link, url)
      variables.set(`${link}_PROTO`, protocol.toLowerCase())
      variables.set(`${link}_PORT`, String(port))
      variables.set(`${link}_ADDR`, ip)
    })
  }
  return variables
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_')
}
