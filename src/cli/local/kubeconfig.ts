import type { Command } from 'commander'
import { writeContext } from '../../local/user-kubeconfig.js'
import { openCluster } from '../../local/context.js'
import { readIfPresent } from '../../base/node/files.js'
import { clusterOf, withExamples } from './cluster-option.js'
import { localContext } from './context.js'

export function addKubeconfig(program: Command): void {
  const command = program
    .command('kubeconfig')
    .description("print a cluster's kubeconfig, or merge it into a file")
    .argument('[name]', 'name of the cluster')
    .option('--merge', 'merge it into $KUBECONFIG or ~/.kube/config and make it the current context')
    .option('--kubeconfig <file>', 'merge it into this file')
    .action(async (given: string | undefined, { merge, kubeconfig }: { merge?: true; kubeconfig?: string }) => {
      const context = localContext()
      const cluster = openCluster(context, clusterOf(context, given))
      if (merge || kubeconfig !== undefined) console.log(`Merged into ${await writeContext(context, cluster, kubeconfig)}.`)
      else process.stdout.write(readIfPresent(cluster.paths.kubeconfig) ?? '')
    })
  withExamples(command, [
    ['quorate kubeconfig > dev.conf', 'a kubeconfig of its own'],
    ['quorate kubeconfig --merge', 'the context again in the usual file'],
  ])
}
