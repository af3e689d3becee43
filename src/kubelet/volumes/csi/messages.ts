import { ProtoReader, ProtoWriter, wire } from '../../../base/protowire.js'

/** The messages of the CSI node service (csi.v1) and of plugin registration that a kubelet sends and reads, as protobuf bytes. Pure. */
export const accessModes = {
  SINGLE_NODE_WRITER: 1,
  SINGLE_NODE_READER_ONLY: 2,
  MULTI_NODE_READER_ONLY: 3,
  MULTI_NODE_SINGLE_WRITER: 4,
  MULTI_NODE_MULTI_WRITER: 5,
  SINGLE_NODE_SINGLE_WRITER: 6,
  SINGLE_NODE_MULTI_WRITER: 7,
} as const
export type AccessMode = (typeof accessModes)[keyof typeof accessModes]

export const nodeCapabilities = { stageUnstage: 1, stats: 2, expand: 3, condition: 4, singleNodeMultiWriter: 5, mountGroup: 6 } as const

export interface VolumeCapability {
  readonly accessMode: AccessMode
  /** Absent: a block device. */
  readonly mount?: { readonly fsType: string; readonly flags: readonly string[]; readonly group?: string }
}

type Strings = Readonly<Record<string, string>>

function text(writer: ProtoWriter, field: number, value: string): void {
  if (value === '') return
  writer.tag(field, wire.bytes)
  writer.string(value)
}

function map(writer: ProtoWriter, field: number, values: Strings): void {
  for (const [key, value] of Object.entries(values)) {
    writer.tag(field, wire.bytes)
    writer.message(() => {
      text(writer, 1, key)
      text(writer, 2, value)
    })
  }
}

function capability(writer: ProtoWriter, field: number, { accessMode, mount }: VolumeCapability): void {
  writer.tag(field, wire.bytes)
  writer.message(() => {
    writer.tag(mount ? 2 : 1, wire.bytes)
    writer.message(() => {
      if (!mount) return
      text(writer, 1, mount.fsType)
      for (const flag of mount.flags) text(writer, 2, flag)
      text(writer, 3, mount.group ?? '')
    })
    writer.tag(3, wire.bytes)
    writer.message(() => {
      writer.tag(1, wire.varint)
      writer.varint(accessMode)
    })
  })
}

export interface StageRequest {
  readonly volumeId: string
  readonly publishContext: Strings
  readonly stagingPath: string
  readonly capability: VolumeCapability
  readonly secrets: Strings
  readonly volumeContext: Strings
}

export function stageRequest(request: StageRequest): Uint8Array {
  const writer = new ProtoWriter()
  text(writer, 1, request.volumeId)
  map(writer, 2, request.publishContext)
  text(writer, 3, request.stagingPath)
  capability(writer, 4, request.capability)
  map(writer, 5, request.secrets)
  map(writer, 6, request.volumeContext)
  return writer.finish()
}

export interface PublishRequest extends StageRequest {
  readonly targetPath: string
  readonly readOnly: boolean
}

export function publishRequest(request: PublishRequest): Uint8Array {
  const writer = new ProtoWriter()
  text(writer, 1, request.volumeId)
  map(writer, 2, request.publishContext)
  text(writer, 3, request.stagingPath)
  text(writer, 4, request.targetPath)
  capability(writer, 5, request.capability)
  if (request.readOnly) {
    writer.tag(6, wire.varint)
    writer.varint(1)
  }
  map(writer, 7, request.secrets)
  map(writer, 8, request.volumeContext)
  return writer.finish()
}

/** NodeUnpublishVolume and NodeUnstageVolume: an id and a path. */
export function endRequest(volumeId: string, path: string): Uint8Array {
  const writer = new ProtoWriter()
  text(writer, 1, volumeId)
  text(writer, 2, path)
  return writer.finish()
}

export interface NodeInfo {
  readonly nodeId: string
  readonly volumesMax: number
  readonly topology: Strings
}

export function readNodeInfo(bytes: Uint8Array): NodeInfo {
  const reader = new ProtoReader(bytes)
  let info: NodeInfo = { nodeId: '', volumesMax: 0, topology: {} }
  while (!reader.done) {
    const { field, type } = reader.tag()
    if (field === 1) info = { ...info, nodeId: reader.string() }
    else if (field === 2) info = { ...info, volumesMax: reader.varint() }
    else if (field === 3) info = { ...info, topology: readTopology(reader.nested()) }
    else reader.skip(type)
  }
  return info
}

function readTopology(reader: ProtoReader): Strings {
  const segments: Record<string, string> = {}
  while (!reader.done) {
    const { field, type } = reader.tag()
    if (field !== 1) {
      reader.skip(type)
      continue
    }
    const entry = reader.nested()
    let [key, value] = ['', '']
    while (!entry.done) {
      const part = entry.tag()
      if (part.field === 1) key = entry.string()
      else if (part.field === 2) value = entry.string()
      else entry.skip(part.type)
    }
    segments[key] = value
  }
  return segments
}

/** The types of a NodeGetCapabilitiesResponse: `{ rpc: { type } }` each. */
export function readCapabilities(bytes: Uint8Array): ReadonlySet<number> {
  const found = new Set<number>()
  const walk = (reader: ProtoReader, depth: number) => {
    while (!reader.done) {
      const { field, type } = reader.tag()
      if (field === 1 && depth < 2 && type === wire.bytes) walk(reader.nested(), depth + 1)
      else if (field === 1 && depth === 2 && type === wire.varint) found.add(reader.varint())
      else reader.skip(type)
    }
  }
  walk(new ProtoReader(bytes), 0)
  return found
}

export interface PluginInfo {
  readonly type: string
  readonly name: string
  readonly endpoint: string
  readonly versions: readonly string[]
}

export function readPluginInfo(bytes: Uint8Array): PluginInfo {
  const reader = new ProtoReader(bytes)
  const info = { type: '', name: '', endpoint: '', versions: [] as string[] }
  while (!reader.done) {
    const { field, type } = reader.tag()
    if (field === 1) info.type = reader.string()
    else if (field === 2) info.name = reader.string()
    else if (field === 3) info.endpoint = reader.string()
    else if (field === 4) info.versions.push(reader.string())
    else reader.skip(type)
  }
  return info
}

export function registrationStatus(registered: boolean, error = ''): Uint8Array {
  const writer = new ProtoWriter()
  if (registered) {
    writer.tag(1, wire.varint)
    writer.varint(1)
  }
  text(writer, 2, error)
  return writer.finish()
}
