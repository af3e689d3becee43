import type { Command } from 'commander'
import { type ClusterStatus, clusterStatus, type NodeStatus } from '../../local/status.js'
import { clusterOf, withExamples } from './cluster-option.js'
import { localContext } from './context.js'
import { outputOption, table } from './output.js'

export function addStatus(program: Command): void {
  const command = program
    .command('status')
    .description('nodes, components, who leads, store members, and how many more losses the cluster survives')
    .argument('[name]', 'name of the cluster')
    .addOption(outputOption())
    .action(async (given: string | undefined, { output }: { output?: 'json' }) => {
      const context = localContext()
      const status = await clusterStatus(context, clusterOf(context, given))
      console.log(output === 'json' ? JSON.stringify(status) : statusText(status))
    })
  withExamples(command, [
    ['quorate status', 'the state of the cluster, in words and tables'],
    ['quorate status dev -o json', 'for scripts'],
  ])
}

/** Beyond so many workers, a line counts them. */
const workersShown = 10

function statusText(status: ClusterStatus): string {
  const { name, state, server, context, apiAnswers, nodes, components, processes, store, survives } = status
  const workers = nodes.filter(({ role }) => role === 'worker')
  const shown = workers.length > workersShown ? nodes.filter(({ role }) => role !== 'worker') : nodes
  const parts = [
    `${name}: ${state}${state === 'Down' ? '' : `; the API ${apiAnswers ? 'answers' : 'does not answer'} at ${server} (context ${context})`}`,
    table([['NODE', 'ROLE', 'MACHINE', 'STATUS', 'ADDRESS'], ...shown.map(nodeRow)]),
  ]
  if (shown.length < nodes.length)
    parts.push(
      `and ${workers.length} workers, ${workers.filter(({ ready }) => ready).length} of them Ready, ${workers.filter(({ machine }) => machine === 'off').length} off`,
    )
  parts.push(
    table([
      ['COMPONENT', 'STATE', 'READY', 'RESTARTS', 'LEADS'],
      ...components.map((each) => [
        ...[`${each.name}/${each.node}`, each.state, each.ready ? 'yes' : 'no', String(each.restarts), each.leads ? 'yes' : ''],
      ]),
    ]),
  )
  for (const { name: component, node, message } of components.filter((each) => each.message)) parts.push(`${component}/${node}: ${message}`)
  parts.push(
    table([['PROCESS', 'PID'], ...processes.map(({ name: process, pid }) => [process, pid === undefined ? 'does not run' : String(pid)])]),
  )
  if (store.kind !== 'embedded')
    parts.push(
      table([
        ['ETCD MEMBER', 'HEALTHY', 'LEADER', 'VERSION'],
        ...store.members.map((member) => [member.name, member.healthy ? 'yes' : 'no', member.leader ? 'yes' : '', member.version ?? '']),
      ]),
    )
  parts.push(`Survives ${survives.losses === 0 ? 'no further loss' : `the loss of ${survives.losses} more`}: ${survives.because}.`)
  return parts.join('\n\n')
}

function nodeRow({ name, role, machine, ready, address }: NodeStatus): string[] {
  return [name, role, machine, ready === undefined ? 'Unknown' : ready ? 'Ready' : 'NotReady', address]
}
