import type { Command } from 'commander'
import type { LocalContext } from '../../local/context.js'
import { killTarget, startTarget, stopTarget } from '../../local/power.js'
import { clusterOf, clusterOption, withExamples } from './cluster-option.js'
import { localContext } from './context.js'
import { outputOption } from './output.js'

type Act = (context: LocalContext, cluster: string, target: string) => Promise<string>

function addTargetCommand(program: Command, name: string, { description, act }: { description: string; act: Act }): Command {
  return program
    .command(name)
    .description(description)
    .argument('<target>', 'a node (cp-1, worker-2), COMPONENT/NODE (kube-scheduler/cp-1), or a process (store, lb, fleet)')
    .addOption(clusterOption())
    .addOption(outputOption())
    .action(async (target: string, { cluster, output }: { cluster?: string; output?: 'json' }) => {
      const context = localContext()
      const of = clusterOf(context, cluster)
      const text = await act(context, of, target)
      console.log(output === 'json' ? JSON.stringify({ cluster: of, target, message: text }) : text)
    })
}

export function addPower(program: Command): void {
  const kill = addTargetCommand(program, 'kill', {
    description: 'end a node, a component or a process as SIGKILL and a power cut do',
    act: killTarget,
  })
  withExamples(kill, [
    ['quorate kill cp-1', 'a control plane loses power; it stays down until `quorate start cp-1`'],
    ['quorate kill kube-scheduler/cp-2', 'one component dies; its kubelet starts it again'],
    ['quorate kill worker-1', 'a simulated node goes silent'],
    ['quorate kill store -c dev', 'the embedded store of the cluster dev'],
  ])
  const stop = addTargetCommand(program, 'stop', { description: 'end a node or a process in order', act: stopTarget })
  withExamples(stop, [['quorate stop cp-1', 'leases are released, requests finished, connections closed']])
  const start = addTargetCommand(program, 'start', { description: 'start a node or a process that is down', act: startTarget })
  withExamples(start, [['quorate start cp-1', 'the machine comes back with its data']])
}
