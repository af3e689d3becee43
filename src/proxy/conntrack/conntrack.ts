/** Deletes stale UDP connections through the program conntrack. Where that is missing, clients with long-lived ports wait them out. */
import type { IpFamily } from '../../api/ip.js'
import { ProgramError, type RunProgram } from '../program.js'
import { type Flow, flowsOf, type LiveEndpoints, staleFlows } from './flows.js'

/** So few destinations are asked for one by one: a node may track very many other connections. */
const singleMax = 8

/** Returns how many were deleted. */
export async function deleteStaleFlows(
  run: RunProgram,
  family: IpFamily,
  live: LiveEndpoints,
  nodeIps: ReadonlySet<string>,
): Promise<number> {
  const list = ['-L', '-f', family === 'IPv4' ? 'ipv4' : 'ipv6', '-p', 'udp']
  const questions = live.size > singleMax ? [[]] : [...live.keys()].map(filterOf)
  let deleted = 0
  for (const question of questions) {
    for (const flow of staleFlows(flowsOf(await run('conntrack', [...list, ...question])), live, nodeIps)) {
      await deleteFlow(run, family, flow)
      deleted++
    }
  }
  return deleted
}

/** "IP . PORT" or "PORT" as arguments. */
function filterOf(destination: string): string[] {
  const [first = '', port] = destination.split(' . ')
  return port === undefined ? ['--orig-port-dst', first] : ['--orig-dst', first, '--orig-port-dst', port]
}

async function deleteFlow(run: RunProgram, family: IpFamily, { source, destination, sourcePort, port }: Flow): Promise<void> {
  const ports = ['--orig-port-src', sourcePort, '--orig-port-dst', port]
  try {
    await run('conntrack', [
      '-D',
      '-f',
      family === 'IPv4' ? 'ipv4' : 'ipv6',
      '-p',
      'udp',
      '--orig-src',
      source,
      '--orig-dst',
      destination,
      ...ports,
    ])
  } catch (error) {
    // 1: it has ended by itself meanwhile.
    if (!(error instanceof ProgramError) || error.exitCode !== 1) throw error
  }
}
