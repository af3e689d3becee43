/** Connections as `conntrack -L` prints them, and which of them go where nothing is any more. Pure. */

export interface Flow {
  readonly source: string
  readonly destination: string
  readonly sourcePort: string
  readonly port: string
  /** Who answers: the endpoint, or the destination itself when nothing was translated. */
  readonly answerer: string
  readonly answererPort: string
}

/** Lines of UDP flows; what is no flow is skipped. */
export function flowsOf(output: string): Flow[] {
  return output.split('\n').flatMap((line) => {
    const [source, answerer] = valuesOf(line, 'src')
    const [destination] = valuesOf(line, 'dst')
    const [sourcePort, answererPort] = valuesOf(line, 'sport')
    const [port] = valuesOf(line, 'dport')
    if (!source || !answerer || !destination || !sourcePort || !answererPort || !port) return []
    return [{ source, destination, sourcePort, port, answerer, answererPort }]
  })
}

function valuesOf(line: string, key: string): string[] {
  const values: string[] = []
  for (const word of line.split(' ')) if (word.startsWith(`${key}=`)) values.push(word.slice(key.length + 1))
  return values
}

/** Endpoints ("IP . PORT") by destination: "IP . PORT" of an address, "PORT" of a node port. */
export type LiveEndpoints = ReadonlyMap<string, ReadonlySet<string>>

/**
 * UDP has no end of connection: as long as a client sends from one port, its packets follow the old translation. Stale is a flow to
 * an endpoint that is gone, and one that began before its Service had an endpoint.
 */
export function staleFlows(flows: readonly Flow[], live: LiveEndpoints, nodeIps: ReadonlySet<string>): Flow[] {
  return flows.filter((flow) => {
    const translated = flow.answerer !== flow.destination || flow.answererPort !== flow.port
    const endpoints =
      live.get(`${flow.destination} . ${flow.port}`) ?? (translated || nodeIps.has(flow.destination) ? live.get(flow.port) : undefined)
    if (!endpoints) return false
    return translated ? !endpoints.has(`${flow.answerer} . ${flow.answererPort}`) : endpoints.size > 0
  })
}
