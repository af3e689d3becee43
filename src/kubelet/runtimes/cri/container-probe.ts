/** Probes that need the runtime or gRPC: exec and grpc (KEP-2727). Others are asked over the network. */
import type { Clock } from '../../../base/clock.js'
import { messageOf } from '../../../base/errors.js'
import { GrpcClient, GrpcError, grpcCode } from '../../../base/node/grpc-client.js'
import { ProtoReader, ProtoWriter, wire } from '../../../base/protowire.js'
import type { ProbeTarget } from '../../probes/prober.js'
import type { Runtime } from '../../runtime.js'

export interface ContainerProbeOptions {
  readonly clock: Clock
  readonly runtime: Pick<Runtime, 'execSync'>
  /** HTTP and TCP. */
  network(target: ProbeTarget): Promise<void>
}

/** Upstream shows no more of what a probe printed. */
const outputMax = 10 * 1024
const serving = 1

export function containerProbe({ clock, runtime, network }: ContainerProbeOptions): (target: ProbeTarget) => Promise<void> {
  return async (target) => {
    const { exec, grpc } = target.probe
    if (exec) return askByCommand(runtime, target, exec.command ?? [])
    if (grpc) return askByGrpc(clock, target, grpc.port ?? 0, grpc.service ?? '')
    return network(target)
  }
}

async function askByCommand(runtime: Pick<Runtime, 'execSync'>, target: ProbeTarget, command: readonly string[]): Promise<void> {
  const { uid, container, timeoutMs } = target
  const answer = await runtime.execSync?.(uid, container.name, command, timeoutMs).catch((error: unknown) => {
    if (error instanceof GrpcError && error.code === grpcCode.deadlineExceeded)
      throw new Error(`command timed out: ${JSON.stringify(command.join(' '))} timed out after ${Math.ceil(timeoutMs / 1000)}s`)
    throw error
  })
  if (!answer || answer.exitCode === 0) return
  throw new Error(Buffer.concat([answer.stdout, answer.stderr]).subarray(0, outputMax).toString('utf8'))
}

async function askByGrpc(clock: Clock, { podIp, timeoutMs }: ProbeTarget, port: number, service: string): Promise<void> {
  const client = new GrpcClient({ clock, address: { host: podIp, port } })
  try {
    const writer = new ProtoWriter()
    if (service !== '') {
      writer.tag(1, wire.bytes)
      writer.string(service)
    }
    const status = statusIn(await client.call('/grpc.health.v1.Health/Check', writer.finish(), timeoutMs))
    if (status !== serving) throw new Error(`service unhealthy (responded with "${statusNames[status] ?? status}")`)
  } catch (error) {
    if (!(error instanceof GrpcError)) throw error
    if (error.code === grpcCode.unimplemented)
      throw new Error(`this server does not implement the grpc health protocol (grpc.health.v1.Health): ${messageOf(error)}`, {
        cause: error,
      })
    if (error.code === grpcCode.deadlineExceeded || error.code === grpcCode.unavailable)
      throw new Error(`timeout: failed to connect service "${podIp}:${port}" within ${timeoutMs / 1000}s: ${messageOf(error)}`, {
        cause: error,
      })
    throw new Error(`error: health rpc probe failed: ${messageOf(error)}`, { cause: error })
  } finally {
    client.close()
  }
}

const statusNames = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

function statusIn(bytes: Uint8Array): number {
  const reader = new ProtoReader(bytes)
  let status = 0
  while (!reader.done) {
    const { field, type } = reader.tag()
    if (field === 1) status = reader.varint()
    else reader.skip(type)
  }
  return status
}
