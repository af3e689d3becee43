import { type Command, Option } from 'commander'
import { addNodes, removeNode } from '../../local/node-change.js'
import { runNode } from '../node-command.js'
import { clusterOf, clusterOption, withExamples } from './cluster-option.js'
import { localContext } from './context.js'
import { outputOption } from './output.js'
import { waitOption, wholeNumber } from './values.js'

interface AddFlags {
  readonly controlPlane?: true
  readonly count: number
  readonly wait: number
  readonly cluster?: string
  readonly output?: 'json'
}

export function addNode(program: Command): void {
  const node = program
    .command('node')
    .description('add and remove nodes')
    .addOption(new Option('--config <file>', 'run one machine of a cluster').hideHelp())
    .action(async ({ config }: { config?: string }) => {
      if (config === undefined) node.help({ error: true })
      else await runNode(config)
    })
  const add = node
    .command('add')
    .description('add workers, or a control plane')
    .option('--control-plane', 'a control plane instead of a worker')
    .option('--count <number>', 'so many', wholeNumber, 1)
    .addOption(waitOption('how long to wait for them to be Ready; 0: do not wait'))
    .addOption(clusterOption())
    .addOption(outputOption())
    .action(async (flags: AddFlags) => {
      const context = localContext()
      const name = clusterOf(context, flags.cluster)
      const added = await addNodes(context, name, {
        role: flags.controlPlane ? 'control-plane' : 'worker',
        count: flags.count,
        waitMs: flags.wait,
      })
      console.log(flags.output === 'json' ? JSON.stringify({ cluster: name, added }) : `Added ${shortList(added)}.`)
    })
  withExamples(add, [
    ['quorate node add', 'one more worker'],
    ['quorate node add --count 100', 'a hundred of them'],
    ['quorate node add --control-plane --count 2', 'from three control planes to five'],
  ])
  const remove = node
    .command('remove')
    .description('remove a node from the cluster')
    .argument('<node>', 'its name')
    .addOption(clusterOption())
    .addOption(outputOption())
    .action(async (removed: string, { cluster, output }: { cluster?: string; output?: 'json' }) => {
      const context = localContext()
      const name = clusterOf(context, cluster)
      await removeNode(context, name, removed)
      console.log(output === 'json' ? JSON.stringify({ cluster: name, removed }) : `Removed ${removed}.`)
    })
  withExamples(remove, [['quorate node remove worker-2', 'its pods are made anew elsewhere']])
}

function shortList(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names[0]} to ${names.at(-1)} (${names.length} nodes)`
}
