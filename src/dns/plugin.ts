/**
 * What a plugin is: a folder that reads its lines of a server block and gives back a link of the chain. The chain's order is
 * CoreDNS's, whatever the order of the lines.
 */
import type { Clock } from '../base/clock.js'
import type { Metrics } from '../base/metrics.js'
import type { Random } from '../base/random.js'
import type { Client } from '../client/client.js'
import type { Logger } from '../base/logger.js'
import type { Answer, Handler } from './answer.js'
import type { Directive, ServerBlock } from './corefile/corefile.js'
import { CorefileError, type Place } from './corefile/error.js'
import type { HttpHub } from './http-hub.js'
import type { DnsLog } from './log.js'
import type { DnsMetrics } from './metrics.js'
import type { Query } from './wire/reader.js'
import type { Network } from './sockets/network.js'

/** What the process lends to plugins. */
export interface DnsDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: DnsLog
  /** Of the client's own machinery (informers). */
  readonly logger: Logger
  readonly registry: Metrics
  readonly metrics: DnsMetrics
  readonly network: Network
  /** A file's text. Throws when it cannot be read. */
  readFile(path: string): string
  /** Access to the cluster. Throws QuorateError when there is none to be had. */
  cluster(access: ClusterAccessOptions): Client
  readonly http: HttpHub
  /** Reads the Corefile again and takes it over when it has changed. Never rejects. */
  checkCorefile(): Promise<void>
  /** Ends the process: a fault that must not go on. */
  fail(error: Error): void
}

/** `endpoint`, `tls` and `kubeconfig` of the kubernetes plugin; none of them: the pod's own service account. */
export interface ClusterAccessOptions {
  readonly kubeconfig?: string
  readonly context?: string
  readonly endpoint?: string
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string }
}

/** One server block while its chain is made. */
export interface Setup extends DnsDeps {
  readonly block: ServerBlock
  /** Of the block's keys. */
  readonly zones: readonly string[]
  readonly port: number
  /** "dns://:53": the name of the server in metrics. */
  readonly server: string
  /** Asks this server itself, from the beginning: where an alias leads. */
  resolve(query: Query): Promise<Answer>
  /** The port that is listened on: another one than `port` when that is 0. */
  boundPort(): number
  readonly instance: InstanceState
  /** Which of the block's plugins are on; complete once it has started. */
  readonly plugins: ReadonlyMap<string, Link>
  /** Addresses to listen on instead of all. */
  readonly hosts: string[]
}

/** What is shared by all server blocks of one Corefile. */
export interface InstanceState {
  readonly links: { readonly name: string; readonly link: Link }[]
  /** It has been told to end. */
  ending: boolean
}

/** What a plugin adds to a server. */
export interface Link {
  handler?(next: Handler): Handler
  /** Told of each answer once its bytes are known. */
  observe?(event: Answered): void
  /** After the server listens, or when it does already. */
  start?(): Promise<void> | void
  /** Before the server listens: what must be there first. */
  prepare?(): Promise<void> | void
  stop?(): Promise<void> | void
  /** Before the end of the process, while the server still answers. */
  lameduck?(): Promise<void>
  /** Absent: always. */
  ready?(): boolean
}

export interface Answered {
  readonly query: Query
  readonly answer: Answer
  /** "dns://:53" */
  readonly server: string
  readonly zone: string
  /** The answer's bytes, and those of the query. */
  readonly sizeBytes: number
  readonly truncated: boolean
  readonly elapsedMs: number
}

export interface Plugin {
  readonly name: string
  /** Throws CorefileError. `directives`: the plugin's lines in the block, one at least. */
  setup(directives: readonly Directive[], setup: Setup): Link
}

/** The one line of a plugin that may stand once in a block. */
export function onlyOne(directives: readonly Directive[]): Directive {
  const [first, second] = directives
  if (second) throw new CorefileError(second, `${JSON.stringify(second.name)} can only be specified once in each server block`)
  return first as Directive
}

export function argumentError({ file, line, name }: Directive): CorefileError {
  return new CorefileError({ file, line }, `Wrong argument count or unexpected line ending after '${name}'`)
}

/** The arguments, as many as they must be. Throws CorefileError. */
export function argsOf(directive: Directive, min: number, max = min): readonly string[] {
  if (directive.args.length < min || directive.args.length > max) throw argumentError(directive)
  return directive.args
}

export function unknownProperty({ file, line, name }: Directive): CorefileError {
  return new CorefileError({ file, line }, `unknown property '${name}'`)
}

/** A property that CoreDNS has. */
export function notImplemented({ file, line, name }: Directive): CorefileError {
  return new CorefileError({ file, line }, `the property '${name}' is known to CoreDNS but not implemented by Quorate`)
}

export function fault(place: Place, message: string): CorefileError {
  return new CorefileError(place, message)
}
