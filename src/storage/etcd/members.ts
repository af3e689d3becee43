/** The members of a real etcd cluster: who they are, one more, one less. A change needs the quorum of those that are there. */
import type { Clock } from '../../base/clock.js'
import type { Logger } from '../../base/logger.js'
import type { ChannelTls } from './channel.js'
import { Endpoints } from './endpoints.js'
import type { Decoded } from './message.js'
import { type member, memberAddRequest, memberAddResponse, memberIdRequest, memberListResponse, methods, statusRequest } from './rpc.js'

export interface EtcdMember {
  /** Decimal, as etcd's own API has it. */
  readonly id: string
  /** '' until it has started for the first time. */
  readonly name: string
  readonly peerUrls: readonly string[]
  readonly clientUrls: readonly string[]
  /** It follows and does not vote yet. */
  readonly isLearner: boolean
}

export interface EtcdMembers {
  list(): Promise<EtcdMember[]>
  /** Adds one that does not vote yet: it cannot break the quorum. */
  addLearner(peerUrl: string): Promise<EtcdMember>
  /** Throws RpcError while it is behind. */
  promote(id: string): Promise<void>
  remove(id: string): Promise<void>
  close(): void
}

export interface EtcdMembersOptions {
  readonly endpoints: readonly string[]
  readonly tls?: ChannelTls
  readonly clock: Clock
  readonly logger: Logger
}

const changeTimeoutMs = 10_000
const decoder = new TextDecoder()

export function etcdMembers(options: EtcdMembersOptions): EtcdMembers {
  const endpoints = new Endpoints(options)
  const change = (path: string, request: Uint8Array) => endpoints.call(path, request, { repeatable: false, timeoutMs: changeTimeoutMs })
  return {
    async list() {
      const answer = await endpoints.call(methods.memberList, statusRequest.encode({}), { repeatable: true })
      return memberListResponse.decode(answer).members.map(shown)
    },
    async addLearner(peerUrl) {
      const request = memberAddRequest.encode({ peerUrls: [new TextEncoder().encode(peerUrl)], isLearner: true })
      const { member: added } = memberAddResponse.decode(await change(methods.memberAdd, request))
      if (!added) throw new TypeError('etcd has not said which member it added')
      return shown(added)
    },
    promote: async (id) => void (await change(methods.memberPromote, memberIdRequest.encode({ id }))),
    remove: async (id) => void (await change(methods.memberRemove, memberIdRequest.encode({ id }))),
    close: () => endpoints.close(),
  }
}

function shown({ id, name, peerUrls, clientUrls, isLearner }: Decoded<typeof member>): EtcdMember {
  const texts = (list: readonly Uint8Array[]) => list.map((bytes) => decoder.decode(bytes))
  return { id, name, peerUrls: texts(peerUrls), clientUrls: texts(clientUrls), isLearner }
}
