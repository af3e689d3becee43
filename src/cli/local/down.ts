import type { Command } from 'commander'
import { impliedClusterName } from '../../local/context.js'
import { deleteCluster } from '../../local/delete.js'
import { down } from '../../local/down.js'
import { localContext } from './context.js'

export function addDown(program: Command): void {
  program
    .command('down')
    .description('end every process of a cluster and keep its data')
    .argument('[name]', 'name of the cluster')
    .action(async (name: string | undefined) => {
      const context = localContext()
      const cluster = name ?? impliedClusterName(context)
      const stopped = await down(context, cluster)
      console.log(stopped.length > 0 ? `The cluster ${cluster} is down; its data is kept.` : `The cluster ${cluster} was down already.`)
    })
}

export function addDelete(program: Command): void {
  program
    .command('delete')
    .description('end every process of a cluster, and remove its data and its kubeconfig context')
    .argument('[name]', 'name of the cluster')
    .action(async (name: string | undefined) => {
      const context = localContext()
      const cluster = name ?? impliedClusterName(context)
      await deleteCluster(context, cluster)
      console.log(`The cluster ${cluster} is deleted.`)
    })
}
