import { type Command, Option } from 'commander'
import { type StoreKind, storeKinds } from '../../local/cluster-state.js'
import { up } from '../../local/up.js'
import { localContext } from './context.js'

interface UpFlags {
  readonly controlPlanes?: number
  readonly workers?: number
  readonly etcd?: StoreKind
  readonly apiPort?: number
  readonly kubeconfig?: string
}

export function addUp(program: Command): void {
  program
    .command('up')
    .argument('[name]', 'name of the cluster', 'default')
    .option('--control-planes <count>', 'control planes: 1, 3, 5, ... (default 3)', Number)
    .option('--workers <count>', 'simulated workers, 0 to thousands (default 2)', Number)
    .addOption(
      new Option('--etcd <kind>', "the store: Quorate's own, or real etcd on the control planes or beside them").choices([...storeKinds]),
    )
    .option('--api-port <port>', 'port of the API on 127.0.0.1; 0: any free one (default 0)', Number)
    .option('--kubeconfig <file>', 'merge the context into this file instead of $KUBECONFIG or ~/.kube/config')
    .action(async (name: string, options: UpFlags) => {
      const report = await up(localContext(), {
        name,
        controlPlanes: options.controlPlanes,
        workers: options.workers,
        store: options.etcd,
        apiPort: options.apiPort,
        kubeconfig: options.kubeconfig,
        progress: { step: (text) => console.log(text) },
      })
      console.log(report.started.join(' '))
    })
}
