import type { HostPort, PodInfo } from '../../cache/pod-info.js'
import { always, hints, type Plugin, skip } from '../../framework/plugin.js'
import { unschedulable } from '../../framework/status.js'

const name = 'NodePorts'
const taken = unschedulable(name, "node(s) didn't have free ports for the requested pod ports")

/** Keeps two pods with the same host port (of one protocol, on addresses that overlap) off one node. */
export function nodePorts(): Plugin {
  return {
    name,
    events: hints({
      NodeAdd: always,
      AssignedPodDelete: (pod, event) => event.kind === 'AssignedPodDelete' && clashes(pod.hostPorts, event.pod),
    }),
    preFilter: ({ hostPorts }, { nodes }) => {
      if (hostPorts.length === 0) return skip
      return {
        filter: (set) =>
          set.keep((slot) => {
            if (nodes.portUsers[slot] === 0) return undefined
            return nodes.pods[slot]?.some((pod) => clashes(hostPorts, pod)) ? taken : undefined
          }),
      }
    },
  }
}

function clashes(wanted: readonly HostPort[], { hostPorts }: PodInfo): boolean {
  return hostPorts.some((used) => wanted.some((port) => isSame(port, used)))
}

function isSame(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === everywhere || b.ip === everywhere)
}
const everywhere = '0.0.0.0'
