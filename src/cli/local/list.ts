import type { Command } from 'commander'
import { listClusters } from '../../local/list.js'
import { withExamples } from './cluster-option.js'
import { localContext } from './context.js'
import { outputOption, table } from './output.js'

export function addList(program: Command): void {
  const command = program
    .command('list')
    .description('the clusters on this machine')
    .addOption(outputOption())
    .action(({ output }: { output?: 'json' }) => {
      const clusters = listClusters(localContext())
      if (output === 'json') {
        console.log(JSON.stringify(clusters))
        return
      }
      if (clusters.length === 0) {
        console.log('There is no cluster; `quorate up` starts one.')
        return
      }
      const rows = clusters.map(({ name, state, controlPlanes, workers, store, server }) => [
        ...[name, state, String(controlPlanes), String(workers), store, server],
      ])
      console.log(table([['NAME', 'STATE', 'CONTROL-PLANES', 'WORKERS', 'STORE', 'SERVER'], ...rows]))
    })
  withExamples(command, [
    ['quorate list', 'every cluster, running or not'],
    ['quorate list -o json', 'for scripts'],
  ])
}
