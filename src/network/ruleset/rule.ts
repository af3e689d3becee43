/** Rules of a chain as values: what tests can evaluate and render.ts writes. */
import type { IpFamily } from '../../api/ip.js'

export type Protocol = 'TCP' | 'UDP' | 'SCTP'

export interface AddressRange {
  readonly first: bigint
  readonly last: bigint
}

/** Which packets, and what becomes of them. Every condition that is there must hold. */
export interface Rule {
  readonly verdict: 'return' | 'drop'
  /** Of the addresses below. */
  readonly family?: IpFamily
  /** The peer's address is in a set, or in one of these ranges. The peer is the sender for ingress, the receiver for egress. */
  readonly peer?: { readonly side: 'saddr' | 'daddr'; readonly set: string } | PeerRanges
  /** A protocol, with port ranges of the receiver; no ranges: all of it. */
  readonly ports?: { readonly protocol: Protocol; readonly ranges: readonly (readonly [number, number])[] }
  /** Receiver, protocol and port are together in a set. */
  readonly endpoint?: string
  readonly comment?: string
}

export interface PeerRanges {
  readonly side: 'saddr' | 'daddr'
  readonly ranges: readonly AddressRange[]
}
