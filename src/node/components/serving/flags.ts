/** The serving flags that kube-controller-manager and kube-scheduler share, and what they mean. */
import { readFileSync } from 'node:fs'
import { messageOf, QuorateError } from '../../../base/errors.js'
import type { Client } from '../../../client/client.js'
import type { RequestHeaderOptions } from '../../../apiserver/authn/request-header.js'
import type { Flags } from '../../flags/flags.js'
import type { HostedDeps } from '../component.js'
import { connectKubeconfig } from '../kubeconfig-client.js'
import type { ServeOptions } from './serve.js'

export const servingFlags: readonly string[] = [
  ...['bind-address', 'secure-port', 'tls-cert-file', 'tls-private-key-file', 'http2-max-streams-per-connection'],
  ...['client-ca-file', 'authentication-kubeconfig', 'authentication-skip-lookup', 'authentication-tolerate-lookup-failure'],
  ...['authentication-token-webhook-cache-ttl', 'authorization-kubeconfig', 'authorization-always-allow-paths'],
  ...['authorization-webhook-cache-authorized-ttl', 'authorization-webhook-cache-unauthorized-ttl'],
  ...['requestheader-client-ca-file', 'requestheader-allowed-names', 'requestheader-username-headers'],
  ...['requestheader-group-headers', 'requestheader-extra-headers-prefix', 'requestheader-uid-headers'],
]

export type FlagServing = Pick<
  ServeOptions,
  'host' | 'port' | 'cert' | 'key' | 'clientCa' | 'frontProxyCa' | 'maxStreams' | 'auth' | 'lookupAuthorities'
>

/** `client`: asked for reviews when no kubeconfig of its own is given for that, as upstream's in-cluster fallback. */
export function servingOf(flags: Flags, deps: HostedDeps, component: string): FlagServing & { close(): Promise<void> } {
  const read = (name: string) => readFlagFile(flags, name, deps)
  const clients: Client[] = []
  const clientOf = (name: string) => {
    if (flags.string(name) === '') return undefined
    const client = connectKubeconfig(flags.string(name), deps, { userAgent: component })
    clients.push(client)
    return client
  }
  const [cert, key, clientCa, frontProxyCa] = [
    read('tls-cert-file'),
    read('tls-private-key-file'),
    read('client-ca-file'),
    read('requestheader-client-ca-file'),
  ]
  const authenticationClient = clientOf('authentication-kubeconfig')
  const sameFile = flags.string('authorization-kubeconfig') === flags.string('authentication-kubeconfig')
  const authorizationClient = sameFile ? authenticationClient : clientOf('authorization-kubeconfig')
  return {
    host: flags.string('bind-address'),
    port: flags.int('secure-port'),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(clientCa ? { clientCa } : {}),
    ...(frontProxyCa ? { frontProxyCa } : {}),
    ...(flags.int('http2-max-streams-per-connection') > 0 ? { maxStreams: flags.int('http2-max-streams-per-connection') } : {}),
    lookupAuthorities: !flags.bool('authentication-skip-lookup'),
    auth: {
      ...(authenticationClient ? { authenticationClient } : {}),
      ...(authorizationClient ? { authorizationClient } : {}),
      ...(frontProxyCa ? { requestHeader: requestHeaderOptions(flags) } : {}),
      anonymous: true,
      alwaysAllowPaths: flags.list('authorization-always-allow-paths'),
      tokenTtlMs: flags.durationMs('authentication-token-webhook-cache-ttl'),
      allowedTtlMs: flags.durationMs('authorization-webhook-cache-authorized-ttl'),
      deniedTtlMs: flags.durationMs('authorization-webhook-cache-unauthorized-ttl'),
    },
    close: async () => void (await Promise.all(clients.map((client) => client.close()))),
  }
}

export function requestHeaderOptions(flags: Flags): RequestHeaderOptions {
  const headers = (name: string) => flags.list(name).map((header) => header.toLowerCase())
  return {
    usernameHeaders: headers('requestheader-username-headers'),
    uidHeaders: headers('requestheader-uid-headers'),
    groupHeaders: headers('requestheader-group-headers'),
    extraHeaderPrefixes: headers('requestheader-extra-headers-prefix'),
    allowedNames: flags.list('requestheader-allowed-names'),
  }
}

/** The text of the file that a flag names; undefined when it was not given. */
export function readFlagFile(flags: Flags, name: string, { resolvePath }: HostedDeps): string | undefined {
  const file = flags.string(name)
  if (file === '') return undefined
  try {
    return readFileSync(resolvePath(file), 'utf8')
  } catch (error) {
    throw new QuorateError('FileUnreadable', `--${name}: ${messageOf(error)}`, { cause: error })
  }
}
