import type { Command } from 'commander'
import { deleteCluster } from '../../local/delete.js'
import { down } from '../../local/down.js'
import { clusterOf, withExamples } from './cluster-option.js'
import { localContext } from './context.js'

export function addDown(program: Command): void {
  const command = program
    .command('down')
    .description('end every process of a cluster and keep its data')
    .argument('[name]', 'name of the cluster')
    .action(async (given: string | undefined) => {
      const context = localContext()
      const name = clusterOf(context, given)
      const stopped = await down(context, name)
      console.log(
        stopped.length > 0 ? `The cluster ${name} is down; \`quorate up ${name}\` starts it again.` : `The cluster ${name} was down.`,
      )
    })
  withExamples(command, [
    ['quorate down', 'stop the cluster; its data, certificates and ports stay'],
    ['quorate down dev', 'the cluster dev'],
  ])
}

export function addDelete(program: Command): void {
  const command = program
    .command('delete')
    .description('end every process of a cluster, and remove its data and its kubeconfig context')
    .argument('[name]', 'name of the cluster')
    .action(async (given: string | undefined) => {
      const context = localContext()
      const name = clusterOf(context, given)
      await deleteCluster(context, name)
      console.log(`The cluster ${name} is deleted.`)
    })
  withExamples(command, [['quorate delete dev', 'nothing of the cluster dev is left']])
}
