import type { Engine } from '../engine/engine.js'

/** What the server says of itself in every answer: one member, always the leader. */
export interface Member {
  readonly engine: Engine
  readonly name: string
  readonly clusterId: string
  readonly memberId: string
  readonly clientUrls: readonly string[]
  readonly peerUrls: readonly string[]
  /** Writes beyond it are refused (etcd's NOSPACE alarm); 0: no bound. */
  readonly quotaBytes: number
}

/** The level of the etcd API that is served: what clients base their own decisions on. */
export const apiVersion = '3.5.21'
/** There are no elections here: one term for ever. */
export const raftTerm = 2

export function headerOf({ engine, clusterId, memberId }: Member, revision = engine.durableRevision) {
  return { clusterId, memberId, revision, raftTerm }
}
