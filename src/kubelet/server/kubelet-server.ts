/**
 * What a kubelet answers: logs, exec, attach and port-forward of its pods, what runs, and what it uses. Whoever listens has
 * authenticated the caller and asked whether it may (access.ts). One serves any number of nodes: a pod is found by its name, a node
 * by the address that was asked.
 */
import type { Clock } from '../../base/clock.js'
import { quantityValue } from '../../api/quantity.js'
import type { NodeRecord } from '../nodes/node-record.js'
import type { Runtime, Streams } from '../runtime.js'
import type { PodRecord } from '../worker/pod-record.js'
import type { PodWorkers } from '../worker/pod-workers.js'
import { type NodeAttributes, nodeAttributes } from './access.js'
import { isTrue, serveContainerLogs } from './container-logs.js'
import { replyJson, replyText, type ServerReply, type ServerRequest } from './request.js'
import { type NodeStats, resourceMetrics, statsSummary, type VolumeStats } from './stats-summary.js'
import { acceptWebSocket, bringsSpdy, type CommandStreams, serveCommand, servePorts, serveSpdyTunnel } from './streams.js'

export interface KubeletServerOptions {
  readonly clock: Clock
  readonly runtime: Runtime
  readonly workers: PodWorkers
  /** The nodes that it answers for. */
  nodes(): Iterable<NodeRecord>
  /** What was measured of a real node, and of its pods' disks. */
  readonly measured?: { node(): NodeStats | undefined; diskOf(uid: string): readonly VolumeStats[] }
}

export class KubeletServer {
  readonly #options: KubeletServerOptions
  readonly #startedAtMs: number

  constructor(options: KubeletServerOptions) {
    this.#options = options
    this.#startedAtMs = options.clock.now()
  }

  /** What the cluster is asked whether the caller may do. */
  attributesOf(request: ServerRequest): NodeAttributes {
    const [, , namespace = '', name = ''] = request.path.split('/')
    const node = this.#options.workers.find(namespace, name)?.host.name ?? this.#nodeOf(request)?.name ?? ''
    return nodeAttributes(request.method, request.path, node)
  }

  /** False: not one of the kubelet's paths. */
  async handle(request: ServerRequest, reply: ServerReply): Promise<boolean> {
    const [, verb = '', namespace = '', pod = '', third = ''] = request.path.split('/')
    switch (verb) {
      case 'containerLogs':
        return this.#withPod(namespace, pod, reply, (record) => serveContainerLogs(this.#options, record, third, request, reply))
      case 'exec':
        return this.#withPod(namespace, pod, reply, (record) => this.#exec(record, third, request, reply))
      case 'attach':
        return this.#withPod(namespace, pod, reply, (record) => this.#attach(record, third, request, reply))
      case 'portForward':
        return this.#withPod(namespace, pod, reply, (record) => this.#portForward(record, request, reply))
      case 'pods':
        replyJson(
          reply,
          podList(this.#recordsOf(request).map((record) => (record.status ? { ...record.pod, status: record.status } : record.pod))),
        )
        return true
      case 'runningpods':
        replyJson(
          reply,
          podList(
            this.#recordsOf(request)
              .filter(({ uid }) => this.#options.runtime.stats(uid).length > 0)
              .map(({ pod: { metadata, spec } }) => ({ metadata, spec })),
          ),
        )
        return true
      case 'stats':
        if (namespace !== 'summary') return false
        replyJson(reply, statsSummary(this.#statsInput(request)))
        return true
      case 'metrics':
        if (namespace !== 'resource') return false
        replyText(reply, 200, resourceMetrics(this.#statsInput(request)))
        return true
      default:
        return false
    }
  }

  async #withPod(namespace: string, name: string, reply: ServerReply, serve: (record: PodRecord) => Promise<void>): Promise<boolean> {
    const record = this.#options.workers.find(namespace, name)
    if (!record) replyText(reply, 404, `pod "${name}" does not exist\n`)
    else await serve(record)
    return true
  }

  async #exec(record: PodRecord, container: string, { query }: ServerRequest, reply: ServerReply): Promise<void> {
    const socket = await acceptWebSocket(reply)
    if (!socket) return
    const command = query.getAll('command')
    const tty = isTrue(query.get('tty'))
    await serveCommand(socket, (streams) => this.#options.runtime.exec(record.uid, container, { ...asked(streams, query), command, tty }))
  }

  async #attach(record: PodRecord, container: string, { query }: ServerRequest, reply: ServerReply): Promise<void> {
    const socket = await acceptWebSocket(reply)
    if (socket) await serveCommand(socket, (streams) => this.#options.runtime.attach(record.uid, container, asked(streams, query)))
  }

  async #portForward(record: PodRecord, request: ServerRequest, reply: ServerReply): Promise<void> {
    const { query } = request
    const { runtime } = this.#options
    if (bringsSpdy(request)) {
      if (!runtime.portForwardStreams) return replyText(reply, 400, `${onlyChannels}\n`)
      return serveSpdyTunnel(reply, async (connection) => runtime.portForwardStreams?.(record.uid, connection))
    }
    const ports = query
      .getAll('port')
      .flatMap((text) => text.split(','))
      .map(Number)
    if (ports.length === 0 || ports.some((port) => !Number.isInteger(port) || port < 1 || port > 65_535))
      return replyText(reply, 400, 'query parameter "port" is required\n')
    const socket = await acceptWebSocket(reply)
    if (!socket) return
    servePorts(socket, ports, (port, incoming, write) =>
      this.#options.runtime.portForward(record.uid, port, { incoming, write, end: () => undefined }),
    )
  }

  /** The node that was asked: the only one, or the one whose address the request names. */
  #nodeOf(request: ServerRequest): NodeRecord | undefined {
    const nodes = [...this.#options.nodes()]
    if (nodes.length === 1) return nodes[0]
    const host = (request.headerValues('host')[0] ?? request.headerValues(':authority')[0] ?? '').replace(/:\d+$/, '')
    return nodes.find(({ name, hostIps }) => name === host || hostIps.includes(host))
  }

  #recordsOf(request: ServerRequest): PodRecord[] {
    const node = this.#nodeOf(request)
    return [...this.#options.workers.records()].filter(({ host }) => !node || host === node)
  }

  #statsInput(request: ServerRequest) {
    const { runtime, clock } = this.#options
    const node = this.#nodeOf(request)
    const { measured } = this.#options
    const measuredNode = measured?.node()
    return {
      ...{ runtime, nodeName: node?.name ?? '', startedAtMs: this.#startedAtMs, nowMs: clock.now() },
      memoryBytes: quantityValue(node?.description.capacity.memory),
      records: this.#recordsOf(request),
      ...(measuredNode ? { node: measuredNode } : {}),
      ...(measured ? { diskOf: (uid: string) => measured.diskOf(uid) } : {}),
    }
  }
}

const onlyChannels =
  'port-forward of this node is served over WebSockets that name their ports in the query (v4.channel.k8s.io); SPDY streams are not served'

/** The streams that a command is to have: standard input only when somebody will write to it. */
function asked({ stdin, ...streams }: CommandStreams, query: URLSearchParams): Streams {
  const wanted = isTrue(query.get('input')) || isTrue(query.get('stdin'))
  return wanted ? { ...streams, stdin } : streams
}

function podList(items: readonly object[]): object {
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items }
}
