/** `quorate token`: what machines join with. */
import type { Command } from 'commander'
import { QuorateError } from '../../base/errors.js'
import { realClock } from '../../base/real-clock.js'
import type { Client } from '../../client/client.js'
import { defaultTokenTtl, nodeTokenGroup, tokenUsages } from '../../adm/config/defaults.js'
import { faultText } from '../../adm/config/documents.js'
import { tokenFaults } from '../../adm/config/validation.js'
import { clusterClient } from '../../adm/machine/cluster-client.js'
import { nodeFiles } from '../../adm/machine/node-files.js'
import { joinCommand } from '../../adm/tokens/join-command.js'
import { generateToken } from '../../adm/tokens/token.js'
import { clusterInfo, createToken, deleteToken, listTokens } from '../../adm/tokens/tokens.js'
import { outputOption, table } from '../local/output.js'
import { examples, listOption } from './options.js'

const adminPath = '/etc/kubernetes/admin.conf'

interface CreateFlags {
  readonly kubeconfig: string
  readonly ttl: string
  readonly usages?: string[]
  readonly groups?: string[]
  readonly description?: string
  readonly printJoinCommand?: true
  readonly certificateKey?: string
}

export function addToken(program: Command): void {
  const token = program.command('token').description('bootstrap tokens: what machines join with')
  token.action(() => token.help({ error: true }))
  token
    .command('generate')
    .description('print a random token, without making it known to a cluster')
    .action(() => console.log(generateToken()))
  const create = onCluster(token.command('create').description('make a token known to the cluster'))
    .argument('[token]', 'ID.SECRET (default: a random one)')
    .option('--ttl <duration>', 'how long it holds; 0: for ever', defaultTokenTtl)
    .addOption(listOption('--usages <usages>', `what it is for (default: ${tokenUsages.join(',')})`))
    .addOption(listOption('--groups <groups>', `whom it stands for (default: ${nodeTokenGroup})`))
    .option('--description <text>', 'for people')
    .option('--print-join-command', 'print the command by which a machine joins with it')
    .option('--certificate-key <key>', 'with --print-join-command: the command of a control plane')
    .action(runCreate)
  examples(create, ['quorate token create', 'quorate token create --ttl 2h --print-join-command'])
  onCluster(token.command('list').description('show the tokens'))
    .addOption(outputOption())
    .action(async ({ kubeconfig, output }: { kubeconfig: string; output?: 'json' }) =>
      withClient(kubeconfig, (client) => runList(client, output)),
    )
  onCluster(token.command('delete').description('take tokens away'))
    .argument('<token...>', 'tokens, or their ids')
    .action(async (tokens: string[], { kubeconfig }: { kubeconfig: string }) =>
      withClient(kubeconfig, async (client) => {
        for (const each of tokens) {
          await deleteToken(client, each)
          console.log(`bootstrap token "${each.split('.')[0] ?? ''}" deleted`)
        }
      }),
    )
}

function onCluster(command: Command): Command {
  return command.option('--kubeconfig <file>', 'how the cluster is reached', adminPath)
}

async function withClient(kubeconfig: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = clusterClient(nodeFiles(), [kubeconfig])
  try {
    await work(client)
  } finally {
    await client.close()
  }
}

async function runCreate(given: string | undefined, flags: CreateFlags): Promise<void> {
  const token = {
    ...{
      token: given ?? generateToken(),
      ttl: flags.ttl,
      usages: flags.usages ?? [...tokenUsages],
      groups: flags.groups ?? [nodeTokenGroup],
    },
    ...(flags.description ? { description: flags.description } : {}),
  }
  const faults = tokenFaults(token, 'token')
  if (faults.length > 0) throw new QuorateError('BadUsage', faults.map(faultText).join('\n'))
  await withClient(flags.kubeconfig, async (client) => {
    await createToken(client, token, realClock().now())
    console.log(
      flags.printJoinCommand
        ? joinCommand({ ...(await clusterInfo(client)), token: token.token, certificateKey: flags.certificateKey })
        : token.token,
    )
  })
}

async function runList(client: Client, output: 'json' | undefined): Promise<void> {
  const tokens = await listTokens(client)
  if (output === 'json') return console.log(JSON.stringify(tokens))
  const rows = tokens.map(({ token, expires, usages, groups, description }) => [
    token,
    expires ?? '<forever>',
    usages.join(',') || '<none>',
    description || '<none>',
    groups.join(',') || '<none>',
  ])
  console.log(table([['TOKEN', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS'], ...rows]))
}
