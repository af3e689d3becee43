import { type Command, Option } from 'commander'
import { type StoreKind, storeKinds } from '../../local/cluster-state.js'
import { defaultClusterName } from '../../local/context.js'
import { apiUrl, contextName } from '../../local/credentials.js'
import { up } from '../../local/up.js'
import { localContext } from './context.js'
import { outputOption } from './output.js'
import { terminalProgress } from './progress.js'
import { portNumber, waitOption, wholeNumber } from './values.js'

interface UpFlags {
  readonly controlPlanes?: number
  readonly workers?: number
  readonly etcd?: StoreKind
  readonly apiPort?: number
  readonly kubeconfig?: string
  readonly wait: number
  readonly output?: 'json'
}

const examples = `
Examples:
  quorate up                                three control planes, two workers, in about three seconds
  quorate up dev --control-planes 1         the smallest cluster, as the context quorate-dev
  quorate up big --workers 1000             a thousand simulated nodes
  quorate up --etcd stacked                 a member of real etcd on each control plane
  quorate up --api-port 6443 -o json        a fixed port, and the result as JSON

Run again on a cluster that exists, it starts what does not run.`

export function addUp(program: Command): void {
  program
    .command('up')
    .description('start a highly available cluster on this machine, or what is missing of one')
    .argument('[name]', 'name of the cluster', defaultClusterName)
    .option('--control-planes <count>', 'control planes: 1, 3, 5, ... (default: 3)', wholeNumber)
    .option('--workers <count>', 'simulated workers: 0 to thousands (default: 2)', wholeNumber)
    .addOption(
      new Option(
        '--etcd <kind>',
        "the store: Quorate's own, real etcd on each control plane, or real etcd beside them (default: embedded)",
      ).choices([...storeKinds]),
    )
    .option('--api-port <port>', 'port of the API on 127.0.0.1; 0: any free one (default: 0)', portNumber)
    .option('--kubeconfig <file>', 'merge the context into this file instead of $KUBECONFIG or ~/.kube/config')
    .addOption(waitOption('how long to wait for all nodes to be Ready; 0: do not wait'))
    .addOption(outputOption())
    .addHelpText('after', examples)
    .action(runUp)
}

async function runUp(name: string, flags: UpFlags): Promise<void> {
  const context = localContext()
  const interrupted = new AbortController()
  const interrupt = () => {
    if (interrupted.signal.aborted) process.exit(130)
    interrupted.abort()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  const progress = terminalProgress(context.clock, flags.output === 'json' ? process.stderr : process.stdout)
  try {
    const { cluster, created, started } = await up(context, {
      name,
      controlPlanes: flags.controlPlanes,
      workers: flags.workers,
      store: flags.etcd,
      apiPort: flags.apiPort,
      kubeconfig: flags.kubeconfig,
      waitMs: flags.wait,
      progress,
      signal: interrupted.signal,
    })
    const { state, paths } = cluster
    if (flags.output === 'json')
      console.log(
        JSON.stringify({
          ...{
            name,
            created,
            started,
            server: apiUrl(state),
            context: contextName(name),
            kubeconfig: paths.kubeconfig,
            directory: paths.dir,
          },
          nodes: [...state.controlPlanes, ...state.workers].map((node) => node.name),
        }),
      )
    else
      console.log(
        `\nThe cluster ${name} is up: \`kubectl get nodes\` uses it (context ${contextName(name)}); \`quorate status\` shows its parts.`,
      )
  } finally {
    progress.end()
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
    if (interrupted.signal.aborted) process.exitCode = 130
  }
}
