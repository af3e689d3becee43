/** The plugins, in the order in which CoreDNS links them (its plugin.cfg): each sees queries before those below it. */
import type { Plugin } from '../plugin.js'
import { any } from './any/any.js'
import { bind } from './bind/bind.js'
import { cache } from './cache/cache.js'
import { errors } from './errors/errors.js'
import { forward } from './forward/forward.js'
import { health } from './health/health.js'
import { hosts } from './hosts/hosts.js'
import { kubernetes } from './kubernetes/kubernetes.js'
import { loadbalance } from './loadbalance/loadbalance.js'
import { log } from './log/log.js'
import { loop } from './loop/loop.js'
import { prometheus } from './prometheus/prometheus.js'
import { ready } from './ready/ready.js'
import { reload } from './reload/reload.js'
import { rewrite } from './rewrite/rewrite.js'
import { template } from './template/template.js'

const implemented: readonly Plugin[] = [
  ...[any, bind, cache, errors, forward, health, hosts, kubernetes, loadbalance, log, loop, prometheus, ready, reload],
  ...[rewrite, template],
]

/** By name; those that CoreDNS has beside ours are refused as such. */
export const knownPlugins: readonly string[] = [
  ...['root', 'metadata', 'geoip', 'cancel', 'proxyproto', 'quic', 'grpc_server', 'https', 'https3', 'timeouts', 'multisocket'],
  ...['reload', 'nsid', 'bufsize', 'bind', 'debug', 'trace', 'ready', 'health', 'pprof', 'shed', 'prometheus', 'errors', 'log'],
  ...['dnstap', 'local', 'dns64', 'any', 'chaos', 'loadbalance', 'tsig', 'rewrite', 'autopath', 'acl', 'cache', 'header', 'dnssec'],
  ...['tls', 'minimal', 'template', 'transfer', 'hosts', 'route53', 'azure', 'clouddns', 'k8s_external', 'kubernetes', 'file', 'auto'],
  ...['secondary', 'etcd', 'loop', 'forward', 'grpc', 'erratic', 'whoami', 'on', 'sign', 'view', 'nomad'],
]

const byName = new Map(implemented.map((plugin) => [plugin.name, plugin]))

export function pluginOf(name: string): Plugin | undefined {
  return byName.get(name)
}

export const implementedPlugins: readonly string[] = knownPlugins.filter((name) => byName.has(name))
