import { ProtoReader, ProtoWriter, wire } from '../../../../base/protowire.js'

/**
 * Messages of the CRI v1 API (k8s.io/cri-api) as tables: "name=number", then ":type" (string when left out; bool, int, bytes, map of
 * strings, or another message) and "[]" for repeated ones. Fields that this kubelet neither sets nor reads are left out; the wire
 * format skips them.
 */
const tables = {
  Empty: '',
  VersionRequest: 'version=1',
  VersionResponse: 'version=1 runtimeName=2 runtimeVersion=3 runtimeApiVersion=4',
  StatusRequest: 'verbose=1:bool',
  StatusResponse: 'status=1:RuntimeStatus',
  RuntimeStatus: 'conditions=1:RuntimeCondition[]',
  RuntimeCondition: 'type=1 status=2:bool reason=3 message=4',
  UpdateRuntimeConfigRequest: 'runtimeConfig=1:RuntimeConfig',
  RuntimeConfig: 'networkConfig=1:NetworkConfig',
  NetworkConfig: 'podCidr=1',

  PodSandboxConfig:
    'metadata=1:PodSandboxMetadata hostname=2 logDirectory=3 dnsConfig=4:DnsConfig portMappings=5:PortMapping[] labels=6:map annotations=7:map linux=8:LinuxPodSandboxConfig',
  PodSandboxMetadata: 'name=1 uid=2 namespace=3 attempt=4:int',
  DnsConfig: 'servers=1[] searches=2[] options=3[]',
  PortMapping: 'protocol=1:int containerPort=2:int hostPort=3:int hostIp=4',
  LinuxPodSandboxConfig: 'cgroupParent=1 securityContext=2:SandboxSecurityContext sysctls=3:map overhead=4:Resources resources=5:Resources',
  SandboxSecurityContext:
    'namespaceOptions=1:NamespaceOption selinuxOptions=2:SelinuxOption runAsUser=3:Int64Value readonlyRootfs=4:bool supplementalGroups=5:int[] privileged=6:bool seccompProfilePath=7 runAsGroup=8:Int64Value seccomp=9:SecurityProfile apparmor=10:SecurityProfile supplementalGroupsPolicy=11:int',
  NamespaceOption: 'network=1:int pid=2:int ipc=3:int targetId=4',
  SelinuxOption: 'user=1 role=2 type=3 level=4',
  Int64Value: 'value=1:int',
  SecurityProfile: 'profileType=1:int localhostRef=2',
  RunPodSandboxRequest: 'config=1:PodSandboxConfig runtimeHandler=2',
  SandboxId: 'podSandboxId=1',
  PodSandboxStatusResponse: 'status=1:PodSandboxStatus info=2:map',
  PodSandboxStatus: 'id=1 metadata=2:PodSandboxMetadata state=3:int createdAt=4:int network=5:PodSandboxNetworkStatus labels=7:map',
  PodSandboxNetworkStatus: 'ip=1 additionalIps=2:PodIp[]',
  PodIp: 'ip=1',
  PodSandboxStatusRequest: 'podSandboxId=1 verbose=2:bool',
  ListPodSandboxResponse: 'items=1:PodSandbox[]',
  PodSandbox: 'id=1 metadata=2:PodSandboxMetadata state=3:int createdAt=4:int labels=5:map annotations=6:map',

  ContainerConfig:
    'metadata=1:ContainerMetadata image=2:ImageSpec command=3[] args=4[] workingDir=5 envs=6:KeyValue[] mounts=7:Mount[] devices=8:Device[] labels=9:map annotations=10:map logPath=11 stdin=12:bool stdinOnce=13:bool tty=14:bool linux=15:LinuxContainerConfig',
  ContainerMetadata: 'name=1 attempt=2:int',
  ImageSpec: 'image=1 annotations=2:map userSpecifiedImage=18 runtimeHandler=19',
  KeyValue: 'key=1 value=2',
  Mount: 'containerPath=1 hostPath=2 readonly=3:bool selinuxRelabel=4:bool propagation=5:int recursiveReadOnly=8:bool',
  Device: 'containerPath=1 hostPath=2 permissions=3',
  LinuxContainerConfig: 'resources=1:Resources securityContext=2:ContainerSecurityContext',
  Resources:
    'cpuPeriod=1:int cpuQuota=2:int cpuShares=3:int memoryLimitInBytes=4:int oomScoreAdj=5:int cpusetCpus=6 cpusetMems=7 hugepageLimits=8:HugepageLimit[] unified=9:map memorySwapLimitInBytes=10:int',
  HugepageLimit: 'pageSize=1 limit=2:int',
  ContainerSecurityContext:
    'capabilities=1:Capability privileged=2:bool namespaceOptions=3:NamespaceOption selinuxOptions=4:SelinuxOption runAsUser=5:Int64Value runAsUsername=6 readonlyRootfs=7:bool supplementalGroups=8:int[] apparmorProfile=9 seccompProfilePath=10 noNewPrivs=11:bool runAsGroup=12:Int64Value maskedPaths=13[] readonlyPaths=14[] seccomp=15:SecurityProfile apparmor=16:SecurityProfile supplementalGroupsPolicy=17:int',
  Capability: 'addCapabilities=1[] dropCapabilities=2[]',
  CreateContainerRequest: 'podSandboxId=1 config=2:ContainerConfig sandboxConfig=3:PodSandboxConfig',
  ContainerId: 'containerId=1',
  StopContainerRequest: 'containerId=1 timeout=2:int',
  ListContainersResponse: 'containers=1:Container[]',
  Container:
    'id=1 podSandboxId=2 metadata=3:ContainerMetadata image=4:ImageSpec imageRef=5 state=6:int createdAt=7:int labels=8:map annotations=9:map imageId=10',
  ContainerStatusRequest: 'containerId=1 verbose=2:bool',
  ContainerStatusResponse: 'status=1:ContainerStatus info=2:map',
  ContainerStatus:
    'id=1 metadata=2:ContainerMetadata state=3:int createdAt=4:int startedAt=5:int finishedAt=6:int exitCode=7:int image=8:ImageSpec imageRef=9 reason=10 message=11 labels=12:map annotations=13:map mounts=14:Mount[] logPath=15 imageId=17',
  UpdateContainerResourcesRequest: 'containerId=1 linux=2:Resources',
  ExecSyncRequest: 'containerId=1 cmd=2[] timeout=3:int',
  ExecSyncResponse: 'stdout=1:bytes stderr=2:bytes exitCode=3:int',
  ExecRequest: 'containerId=1 cmd=2[] tty=3:bool stdin=4:bool stdout=5:bool stderr=6:bool',
  AttachRequest: 'containerId=1 stdin=2:bool tty=3:bool stdout=4:bool stderr=5:bool',
  PortForwardRequest: 'podSandboxId=1 port=2:int[]',
  UrlResponse: 'url=1',

  ListImagesResponse: 'images=1:Image[]',
  Image: 'id=1 repoTags=2[] repoDigests=3[] size=4:int uid=5:Int64Value username=6 pinned=8:bool',
  ImageStatusRequest: 'image=1:ImageSpec verbose=2:bool',
  ImageStatusResponse: 'image=1:Image info=2:map',
  PullImageRequest: 'image=1:ImageSpec auth=2:AuthConfig sandboxConfig=3:PodSandboxConfig',
  AuthConfig: 'username=1 password=2 auth=3 serverAddress=4 identityToken=5 registryToken=6',
  PullImageResponse: 'imageRef=1',
  RemoveImageRequest: 'image=1:ImageSpec',
  ImageFsInfoResponse: 'imageFilesystems=1:FilesystemUsage[] containerFilesystems=2:FilesystemUsage[]',
  FilesystemUsage: 'timestamp=1:int fsId=2:FilesystemIdentifier usedBytes=3:Int64Value inodesUsed=4:Int64Value',
  FilesystemIdentifier: 'mountpoint=1',

  ListContainerStatsResponse: 'stats=1:ContainerStats[]',
  ContainerStats: 'attributes=1:ContainerAttributes cpu=2:CpuUsage memory=3:MemoryUsage writableLayer=4:FilesystemUsage',
  ContainerAttributes: 'id=1 metadata=2:ContainerMetadata labels=3:map',
  CpuUsage: 'timestamp=1:int usageCoreNanoSeconds=2:Int64Value usageNanoCores=3:Int64Value',
  MemoryUsage: 'timestamp=1:int workingSetBytes=2:Int64Value usageBytes=4:Int64Value rssBytes=5:Int64Value',
} as const

export type MessageName = keyof typeof tables
export type Message = Readonly<Record<string, unknown>>

interface Field {
  readonly name: string
  readonly number: number
  readonly type: string
  readonly repeated: boolean
}

interface Table {
  readonly fields: readonly Field[]
  readonly byNumber: ReadonlyMap<number, Field>
}

const compiled = new Map<string, Table>()

function tableOf(name: string): Table {
  let table = compiled.get(name)
  if (table) return table
  const text = tables[name as MessageName]
  if (text === undefined) throw new Error(`no message ${name}`)
  const fields = text
    .split(' ')
    .filter(Boolean)
    .map((entry): Field => {
      const [, field = '', number, type = 'string', list] = /^(\w+)=(\d+)(?::(\w+))?(\[\])?$/.exec(entry) ?? []
      return { name: field, number: Number(number), type, repeated: list !== undefined }
    })
  table = { fields, byNumber: new Map(fields.map((field) => [field.number, field])) }
  compiled.set(name, table)
  return table
}

export function encode(name: MessageName, message: object): Uint8Array {
  const writer = new ProtoWriter()
  writeMessage(writer, name, message as Message)
  return writer.finish()
}

function writeMessage(writer: ProtoWriter, name: string, message: Message): void {
  for (const field of tableOf(name).fields) {
    const value = message[field.name]
    if (value === undefined) continue
    if (field.type === 'map') writeMap(writer, field, value as Readonly<Record<string, string>>)
    else if (field.repeated) for (const each of value as readonly unknown[]) writeValue(writer, field, each)
    else if (value !== '' && value !== 0 && value !== false) writeValue(writer, field, value)
  }
}

function writeMap(writer: ProtoWriter, { number }: Field, entries: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(entries)) {
    writer.tag(number, wire.bytes)
    writer.message(() => {
      writer.tag(1, wire.bytes)
      writer.string(key)
      writer.tag(2, wire.bytes)
      writer.string(value)
    })
  }
}

function writeValue(writer: ProtoWriter, { number, type }: Field, value: unknown): void {
  if (type === 'bool' || type === 'int') {
    writer.tag(number, wire.varint)
    return writer.varint(Number(value))
  }
  writer.tag(number, wire.bytes)
  if (type === 'string') writer.string(String(value))
  else if (type === 'bytes') writer.bytes(value as Uint8Array)
  else writer.message(() => writeMessage(writer, type, value as Message))
}

/** The message with every field that has a value other than its type's zero. */
export function decode(name: MessageName, bytes: Uint8Array): Message {
  return readMessage(new ProtoReader(bytes), name)
}

function readMessage(reader: ProtoReader, name: string): Message {
  const { byNumber } = tableOf(name)
  const message: Record<string, unknown> = {}
  while (!reader.done) {
    const { field: number, type } = reader.tag()
    const field = byNumber.get(number)
    if (!field) reader.skip(type)
    else if (field.type === 'map') readEntry(reader.nested(), (message[field.name] ??= {}) as Record<string, string>)
    else if (!field.repeated) message[field.name] = readValue(reader, field)
    else {
      const list = (message[field.name] ??= []) as unknown[]
      // Numbers of a list come packed, or one by one.
      if (field.type === 'int' && type === wire.bytes) {
        const packed = reader.nested()
        while (!packed.done) list.push(packed.varint())
      } else list.push(readValue(reader, field))
    }
  }
  return message
}

function readEntry(reader: ProtoReader, into: Record<string, string>): void {
  let [key, value] = ['', '']
  while (!reader.done) {
    const { field, type } = reader.tag()
    if (field === 1) key = reader.string()
    else if (field === 2) value = reader.string()
    else reader.skip(type)
  }
  into[key] = value
}

function readValue(reader: ProtoReader, { type }: Field): unknown {
  if (type === 'int') return reader.varint()
  if (type === 'bool') return reader.varint() !== 0
  if (type === 'string') return reader.string()
  if (type === 'bytes') return reader.bytes().slice()
  return readMessage(reader.nested(), type)
}
