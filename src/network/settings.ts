/** Kernel settings without which packets of pods go nowhere, or past the policies. */
import type { IpFamily } from '../api/ip.js'
import { messageOf } from '../base/errors.js'
import type { Logger } from '../base/logger.js'
import type { NetworkHost } from './host/host.js'

interface Setting {
  readonly path: string
  readonly why: string
}

function settingsOf(families: readonly IpFamily[]): Setting[] {
  const forwarding = 'packets of pods are not forwarded'
  const bridge = 'policies do not hold between pods of this node, nor do Services'
  return [
    ...(families.includes('IPv4') ? [{ path: 'net/ipv4/ip_forward', why: forwarding }] : []),
    ...(families.includes('IPv6') ? [{ path: 'net/ipv6/conf/all/forwarding', why: forwarding }] : []),
    // Both whatever the families: pods of one bridge have IPv6 addresses of the link.
    { path: 'net/bridge/bridge-nf-call-iptables', why: bridge },
    { path: 'net/bridge/bridge-nf-call-ip6tables', why: bridge },
  ]
}

/** What could not be set is told with what it means, and is no reason to leave out the rest. */
export async function applySettings(host: NetworkHost, logger: Logger, families: readonly IpFamily[]): Promise<void> {
  const settings = settingsOf(families)
  const values = await Promise.all(settings.map(({ path }) => host.readSetting(path)))
  // The settings of bridges appear with the kernel's module for them.
  if (settings.some(({ path }, i) => path.startsWith('net/bridge/') && values[i] === undefined))
    await host.run('modprobe', ['br_netfilter']).catch(() => undefined)
  for (const [i, { path, why }] of settings.entries()) {
    if (values[i] === '1') continue
    try {
      await host.writeSetting(path, '1')
    } catch (error) {
      logger.error('A kernel setting cannot be made', { setting: path.replaceAll('/', '.'), consequence: why, error: messageOf(error) })
    }
  }
}
