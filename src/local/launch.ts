/** Starts processes of a cluster, once it is sure that their ports are free. */
import type { Clock } from '../base/clock.js'
import { QuorateError } from '../base/errors.js'
import type { LocalCluster, LocalContext } from './context.js'
import { isPortFree } from './port-allotment.js'
import { balancerProcess, fleetProcess, prepareProcess, processNames, processSpec } from './process-specs.js'
import type { StartedProcess } from './process-table.js'

/** Starts every process that does not run, all at once: each waits by itself for the others. */
export async function startMissing(
  context: LocalContext,
  cluster: LocalCluster,
  onStarted: (process: StartedProcess) => void,
  { except = new Set() }: { except?: ReadonlySet<string> } = {},
): Promise<void> {
  const missing = processNames(cluster.state).filter((name) => !except.has(name) && !cluster.processes.running(name))
  await Promise.all(missing.map((name) => checkPorts(context, cluster, name)))
  for (const name of missing) {
    prepareProcess(context, cluster, name)
    onStarted(cluster.processes.start(processSpec(context, cluster, name)))
  }
}

export async function startProcess(context: LocalContext, cluster: LocalCluster, name: string): Promise<StartedProcess> {
  await checkPorts(context, cluster, name)
  prepareProcess(context, cluster, name)
  return cluster.processes.start(processSpec(context, cluster, name))
}

async function checkPorts({ clock }: LocalContext, { state }: LocalCluster, name: string): Promise<void> {
  const ports = state.controlPlanes.find((controlPlane) => controlPlane.name === name)?.ports
  const wanted: [number, string][] = ports ? Object.entries(ports).map(([use, port]) => [port, `${use} of ${name}`]) : []
  if (name === balancerProcess) wanted.push([state.apiPort, 'the API'])
  if (name === fleetProcess) wanted.push([state.fleetPort, 'the fleet'])
  const member = state.etcdMembers.find((each) => each.name === name)
  if (member)
    wanted.push(
      [member.clientPort, `clients of ${name}`],
      [member.peerPort, `peers of ${name}`],
      [member.metricsPort, `metrics of ${name}`],
    )
  await Promise.all(
    wanted.map(async ([port, use]) => {
      if (!(await becomesFree(port, clock)))
        throw busy(port, use, 'End the program that listens there, or delete the cluster and make it anew: it will take other ports.')
    }),
  )
}

const freeWithinMs = 1_500
const freePollMs = 25

/** The ports of a process that was killed are given back a moment after it is gone: its threads do not end all at once. */
async function becomesFree(port: number, clock: Clock): Promise<boolean> {
  const deadline = clock.monotonic() + freeWithinMs
  while (!(await isPortFree(port))) {
    if (clock.monotonic() > deadline) return false
    await clock.sleep(freePollMs)
  }
  return true
}

export function busy(port: number, use: string, remedy: string): QuorateError {
  return new QuorateError('PortBusy', `port ${port}, for ${use}, is in use by another program`, { remedy })
}
