import type { Command } from 'commander'
import { openCluster } from '../../local/context.js'
import { showLogs } from '../../local/logs.js'
import { clusterOf, clusterOption, withExamples } from './cluster-option.js'
import { localContext } from './context.js'
import { wholeNumber } from './values.js'

interface LogsFlags {
  readonly cluster?: string
  readonly follow?: true
  readonly tail?: number
}

export function addLogs(program: Command): void {
  const command = program
    .command('logs')
    .description('the log of a component, a node or a process; works when no API server does')
    .argument('<target>', 'COMPONENT/NODE (kube-apiserver/cp-1, kubelet/cp-1), or a process (store, lb, fleet)')
    .option('-f, --follow', 'go on as the log grows')
    .option('--tail <lines>', 'only so many of the last lines', wholeNumber)
    .addOption(clusterOption())
    .action(async (target: string, { cluster, follow, tail }: LogsFlags) => {
      const context = localContext()
      const ending = new AbortController()
      process.on('SIGINT', () => ending.abort())
      await showLogs(openCluster(context, clusterOf(context, cluster)), context.clock, {
        ...{ target, follow: follow ?? false, tail, signal: ending.signal },
        write: (text) => void process.stdout.write(text),
      })
    })
  withExamples(command, [
    ['quorate logs kube-apiserver/cp-1', 'the log of that API server'],
    ['quorate logs kube-scheduler/cp-2 -f', 'followed, across restarts'],
    ['quorate logs kubelet/cp-1 --tail 20', 'the node itself'],
  ])
}
