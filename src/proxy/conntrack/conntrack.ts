/** Deletes stale UDP connections through the program conntrack. Where that is missing, clients with long-lived ports wait them out. */
import type { IpFamily } from '../../api/ip.js'
import { ProgramError, type RunProgram } from '../program.js'
import { type Flow, flowsOf, type LiveEndpoints, staleFlows } from './flows.js'

/** Returns how many were deleted. */
export async function deleteStaleFlows(
  run: RunProgram,
  family: IpFamily,
  live: LiveEndpoints,
  nodeIps: ReadonlySet<string>,
): Promise<number> {
  if (live.size === 0) return 0
  const family4or6 = family === 'IPv4' ? 'ipv4' : 'ipv6'
  const stale = staleFlows(flowsOf(await run('conntrack', ['-L', '-f', family4or6, '-p', 'udp'])), live, nodeIps)
  for (const flow of stale) await deleteFlow(run, family4or6, flow)
  return stale.length
}

async function deleteFlow(run: RunProgram, family: string, { source, destination, sourcePort, port }: Flow): Promise<void> {
  const ports = ['--orig-port-src', sourcePort, '--orig-port-dst', port]
  try {
    await run('conntrack', ['-D', '-f', family, '-p', 'udp', '--orig-src', source, '--orig-dst', destination, ...ports])
  } catch (error) {
    // 1: it has ended by itself meanwhile.
    if (!(error instanceof ProgramError) || error.exitCode !== 1) throw error
  }
}
