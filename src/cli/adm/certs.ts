/** `quorate certs`: when certificates run out, and new ones. */
import type { Command } from 'commander'
import { realClock } from '../../base/real-clock.js'
import { type Expiration, expirations, residual } from '../../adm/certs/expiration.js'
import { renew, renewableNames } from '../../adm/certs/renew.js'
import { loadInit } from '../../adm/config/load.js'
import { machineFacts } from '../../adm/machine/facts.js'
import { type NodeFiles, nodeFiles } from '../../adm/machine/node-files.js'
import { generateCertificateKey } from '../../adm/tokens/token.js'
import { outputOption, table } from '../local/output.js'
import { configOption, configSource, examples, rootfsOption } from './options.js'

interface CertsFlags {
  readonly config?: string
  readonly certDir?: string
  readonly rootfs?: string
  readonly output?: 'json'
}

export function addCerts(program: Command): void {
  const certs = program.command('certs').description("the certificates of this machine's control plane")
  certs.action(() => certs.help({ error: true }))
  const check = shared(certs.command('check-expiration').description('show when they run out')).addOption(outputOption())
  examples(check, ['quorate certs check-expiration', 'quorate certs check-expiration -o json']).action(checkExpiration)
  const renewal = shared(certs.command('renew').description('make them anew, whatever time they have left'))
    .argument('<name>', `all, or one of: ${renewableNames().join(', ')}`)
    .action(renewCertificates)
  examples(renewal, ['quorate certs renew all', 'quorate certs renew apiserver'])
  certs
    .command('certificate-key')
    .description('print a key for --certificate-key: certificates are encrypted with it on their way to another control plane')
    .action(() => console.log(generateCertificateKey()))
}

function shared(command: Command): Command {
  return command.addOption(configOption()).addOption(rootfsOption()).option('--cert-dir <dir>', 'where certificates lie')
}

function contextOf({ config, certDir, rootfs }: CertsFlags): { loaded: ReturnType<typeof loadInit>; files: NodeFiles; nowMs: number } {
  const loaded = loadInit(configSource(config, certDir ? { cluster: { certificatesDir: certDir } } : {}), machineFacts())
  return { loaded, files: nodeFiles(rootfs), nowMs: realClock().now() }
}

function checkExpiration(flags: CertsFlags): void {
  const { loaded, files, nowMs } = contextOf(flags)
  const { leaves, authorities } = expirations(files, loaded.cluster, nowMs)
  if (flags.output === 'json') {
    const shown = (each: Expiration) => ({
      ...each,
      ...(each.expiresAtMs === undefined ? { missing: true } : { expirationDate: new Date(each.expiresAtMs).toISOString() }),
    })
    console.log(JSON.stringify({ certificates: leaves.map(shown), certificateAuthorities: authorities.map(shown) }))
    return
  }
  const when = ({ expiresAtMs }: Expiration) =>
    expiresAtMs === undefined
      ? ['<missing>', '']
      : [
          new Date(expiresAtMs)
            .toISOString()
            .replace('T', ' ')
            .replace(/:\d\d\.\d+Z/, ' UTC'),
          residual(expiresAtMs, nowMs),
        ]
  const external = ({ externallyManaged }: Expiration) => (externallyManaged ? 'yes' : 'no')
  console.log(
    table([
      ['CERTIFICATE', 'EXPIRES', 'RESIDUAL TIME', 'CERTIFICATE AUTHORITY', 'EXTERNALLY MANAGED'],
      ...leaves.map((each) => [each.name, ...when(each), each.authority ?? '', external(each)]),
    ]),
  )
  console.log()
  console.log(
    table([
      ['CERTIFICATE AUTHORITY', 'EXPIRES', 'RESIDUAL TIME', 'EXTERNALLY MANAGED'],
      ...authorities.map((each) => [each.name, ...when(each), external(each)]),
    ]),
  )
}

async function renewCertificates(name: string, flags: CertsFlags): Promise<void> {
  const { loaded, files, nowMs } = contextOf(flags)
  const owner = { cluster: loaded.cluster, nodeName: loaded.init.nodeRegistration.name, endpoint: loaded.init.localAPIEndpoint, nowMs }
  let renewed = 0
  for (const each of name === 'all' ? renewableNames() : [name]) {
    if (await renew(each, owner, files)) {
      console.log(`certificate ${each} renewed`)
      renewed++
    } else console.error(`MISSING! certificate ${each} is not there`)
  }
  if (renewed > 0)
    console.log('\nRestart kube-apiserver, kube-controller-manager, kube-scheduler and etcd, so that they use the new certificates.')
}
