/** The errors of the etcd API, with etcd's own codes and texts: clients compare them. */
import { messageOf } from '../../base/errors.js'
import { code } from '../etcd/rpc.js'
import { CompactedError, FutureRevisionError, StoreUnavailableError } from '../store.js'

export class RpcFault extends Error {
  override readonly name = 'RpcFault'
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message)
  }
}

export const faults = {
  emptyKey: () => new RpcFault(code.invalidArgument, 'etcdserver: key is not provided'),
  keyNotFound: () => new RpcFault(code.invalidArgument, 'etcdserver: key not found'),
  valueProvided: () => new RpcFault(code.invalidArgument, 'etcdserver: value is provided'),
  leaseProvided: () => new RpcFault(code.invalidArgument, 'etcdserver: lease is provided'),
  tooManyOperations: () => new RpcFault(code.invalidArgument, 'etcdserver: too many operations in txn request'),
  duplicateKey: () => new RpcFault(code.invalidArgument, 'etcdserver: duplicate key given in txn request'),
  requestTooLarge: () => new RpcFault(code.invalidArgument, 'etcdserver: request is too large'),
  compacted: () => new RpcFault(code.outOfRange, 'etcdserver: mvcc: required revision has been compacted'),
  futureRevision: () => new RpcFault(code.outOfRange, 'etcdserver: mvcc: required revision is a future revision'),
  noSpace: () => new RpcFault(code.resourceExhausted, 'etcdserver: mvcc: database space exceeded'),
  leaseNotFound: () => new RpcFault(code.notFound, 'etcdserver: requested lease not found'),
  leaseExists: () => new RpcFault(code.failedPrecondition, 'etcdserver: lease already exists'),
  leaseTtlTooLarge: () => new RpcFault(code.outOfRange, 'etcdserver: too large lease TTL'),
  authNotEnabled: () => new RpcFault(code.failedPrecondition, 'etcdserver: authentication is not enabled'),
  unsupported: (what: string) => new RpcFault(code.unimplemented, `etcdserver: ${what} is not supported by this server`),
} as const

/** The fault that an error of the engine is in this API. */
export function faultOf(error: unknown): RpcFault {
  if (error instanceof RpcFault) return error
  if (error instanceof CompactedError) return faults.compacted()
  if (error instanceof FutureRevisionError) return faults.futureRevision()
  if (error instanceof StoreUnavailableError) return new RpcFault(code.unavailable, `etcdserver: ${error.message}`)
  return new RpcFault(code.unknown, messageOf(error))
}
