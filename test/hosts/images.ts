/**
 * Container images made here, as archives of the OCI image layout: `ctr images import` takes them, nothing is downloaded.
 * - busyboxImage(name): the machine's static busybox with all its applets, `sh` as its command;
 * - pauseImage(): what holds a sandbox: it sleeps, and what it is a parent of is reaped by the kernel;
 * - makeImage(): any other, from files.
 */
import { createHash } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

export interface ImageFile {
  readonly path: string
  readonly content?: Uint8Array | string
  readonly mode?: number
  /** A symbolic link. */
  readonly target?: string
}

export interface ImageOptions {
  readonly files: readonly ImageFile[]
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly env?: readonly string[]
  readonly user?: string
  readonly workingDir?: string
}

export const pauseName = 'registry.k8s.io/pause:3.10'

export function makeImage(name: string, options: ImageOptions): Uint8Array {
  const layer = tar(options.files)
  const config = JSON.stringify({
    ...{ architecture: process.arch === 'x64' ? 'amd64' : process.arch, os: 'linux', created: '2024-01-01T00:00:00Z' },
    config: {
      Env: options.env ?? ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      ...(options.entrypoint ? { Entrypoint: options.entrypoint } : {}),
      ...(options.command ? { Cmd: options.command } : {}),
      ...(options.user ? { User: options.user } : {}),
      ...(options.workingDir ? { WorkingDir: options.workingDir } : {}),
    },
    rootfs: { type: 'layers', diff_ids: [digest(layer)] },
  })
  const manifest = JSON.stringify({
    ...{ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json' },
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
  })
  const index = JSON.stringify({
    schemaVersion: 2,
    manifests: [
      { ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest), annotations: { 'io.containerd.image.name': name } },
    ],
  })
  const blobs = [layer, config, manifest].map((content) => ({ path: `blobs/sha256/${digest(content).slice(7)}`, content }))
  return tar([{ path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' }, { path: 'index.json', content: index }, ...blobs])
}

export function busyboxImage(name: string, options: Partial<ImageOptions> = {}): Uint8Array {
  const binary = ['/usr/bin/busybox', '/bin/busybox'].find((path) => existsSync(path)) ?? ''
  const applets = spawnSync(binary, ['--list'], { encoding: 'utf8' }).stdout.trim().split('\n')
  const links = applets.filter((applet) => applet !== 'busybox').map((applet) => ({ path: `bin/${applet}`, target: 'busybox' }))
  const files = [
    { path: 'bin/busybox', content: readFileSync(binary), mode: 0o755 },
    ...links,
    { path: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' },
    { path: 'etc/group', content: 'root:x:0:\nnogroup:x:65534:\n' },
    { path: 'tmp/', mode: 0o1777 },
    { path: 'root/', mode: 0o700 },
  ]
  return makeImage(name, { command: ['sh'], ...options, files: [...files, ...(options.files ?? [])] })
}

export function pauseImage(name = pauseName): Uint8Array {
  if (process.arch !== 'x64') throw new Error(`no pause program is known for ${process.arch}`)
  return makeImage(name, { files: [{ path: 'pause', content: pauseProgram(), mode: 0o755 }], entrypoint: ['/pause'], user: '65535:65535' })
}

/** An x86-64 ELF: rt_sigaction(SIGCHLD, SIG_IGN), so that the kernel reaps; then pause() for ever. */
function pauseProgram(): Uint8Array {
  const address = 0x400000
  const head = 64 + 56
  const code = Buffer.from(
    'b80d000000' + 'bf11000000' + 'be00000000' + '31d2' + '41ba08000000' + '0f05' + 'b822000000' + '0f05' + 'ebf7',
    'hex',
  )
  const actionAt = head + Math.ceil(code.length / 8) * 8
  code.writeUInt32LE(address + actionAt, 11)
  const file = Buffer.alloc(actionAt + 32)
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  file.writeUInt16LE(2, 16)
  file.writeUInt16LE(62, 18)
  file.writeUInt32LE(1, 20)
  file.writeBigUInt64LE(BigInt(address + head), 24)
  file.writeBigUInt64LE(64n, 32)
  file.writeUInt16LE(64, 52)
  file.writeUInt16LE(56, 54)
  file.writeUInt16LE(1, 56)
  // One segment: the whole file, readable and executable.
  file.writeUInt32LE(1, 64)
  file.writeUInt32LE(5, 68)
  file.writeBigUInt64LE(BigInt(address), 80)
  file.writeBigUInt64LE(BigInt(address), 88)
  file.writeBigUInt64LE(BigInt(file.length), 96)
  file.writeBigUInt64LE(BigInt(file.length), 104)
  file.writeBigUInt64LE(0x1000n, 112)
  file.set(code, head)
  // struct sigaction's handler: SIG_IGN.
  file.writeBigUInt64LE(1n, actionAt)
  return file
}

function digest(content: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

function descriptor(mediaType: string, content: Uint8Array | string) {
  return { mediaType, digest: digest(content), size: Buffer.byteLength(content) }
}

/** A ustar archive. A path that ends with a slash is a directory. */
function tar(files: readonly ImageFile[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const { path, content = '', mode, target } of files) {
    const bytes = Buffer.from(content)
    const isDirectory = path.endsWith('/')
    const head = Buffer.alloc(512)
    const octal = (value: number, at: number, length: number) => head.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at)
    head.write(path, 0)
    octal(mode ?? (isDirectory ? 0o755 : 0o644), 100, 8)
    octal(0, 108, 8)
    octal(0, 116, 8)
    octal(target === undefined ? bytes.length : 0, 124, 12)
    octal(0, 136, 12)
    head.write('        ', 148)
    head.write(isDirectory ? '5' : target === undefined ? '0' : '2', 156)
    if (target !== undefined) head.write(target, 157)
    head.write('ustar\u000000', 257)
    head.write(
      `${head
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    )
    parts.push(head)
    if (target === undefined && bytes.length > 0) parts.push(bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512))
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}
