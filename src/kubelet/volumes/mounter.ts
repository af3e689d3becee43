import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'

/** Mounting on Linux, by the machine's own mount and umount. What is mounted is read from the kernel, never remembered. */
export interface Mounter {
  mount(request: MountRequest): Promise<void>
  /** Fine when nothing is mounted there. */
  unmount(target: string): Promise<void>
  mounts(): Promise<readonly MountPoint[]>
}

export interface MountRequest {
  /** "tmpfs", a device, a directory with the option "bind", "server:/path". */
  readonly source: string
  readonly target: string
  readonly type?: string
  readonly options?: readonly string[]
  /** The source is taken as it is: a descriptor below /proc must not be looked up again. */
  readonly exactSource?: boolean
}

export interface MountPoint {
  readonly id: number
  readonly parentId: number
  /** The directory of the file system that is mounted. */
  readonly root: string
  readonly path: string
  readonly type: string
  readonly source: string
  readonly options: readonly string[]
}

export function systemMounter(): Mounter {
  return {
    async mount({ source, target, type, options = [], exactSource }) {
      const flags = [...(exactSource ? ['--no-canonicalize'] : []), ...(type ? ['-t', type] : [])]
      // The kernel ignores the other options of a bind mount until it is mounted again with them.
      const isBind = options.includes('bind') || options.includes('rbind')
      const rest = options.filter((option) => option !== 'bind' && option !== 'rbind')
      if (!isBind) return run('mount', [...flags, ...(options.length > 0 ? ['-o', options.join(',')] : []), source, target])
      await run('mount', [...flags, '-o', options.includes('rbind') ? 'rbind' : 'bind', source, target])
      if (rest.length > 0) await run('mount', ['-o', ['remount', 'bind', ...rest].join(','), target])
    },
    async unmount(target) {
      try {
        await run('umount', [target])
      } catch (error) {
        const message = (error as Error).message
        if (/not mounted|no mount point|not found|No such file/i.test(message)) return
        // A server that does not answer, or a file that is still open: it leaves the tree now and the kernel when it can.
        if (!/busy|stale/i.test(message)) throw error
        await run('umount', ['-l', target])
      }
    },
    mounts: async () => parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8')),
  }
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    // The C locale, because what it says is read above.
    execFile(command, args, { env: { ...process.env, LC_ALL: 'C' }, timeout: 120_000 }, (error, stdout, stderr) => {
      if (!error) return resolve()
      const output = `${stdout}${stderr}`.trim()
      const status = typeof error.code === 'number' ? `exit status ${error.code}` : error.message
      const kind = command === 'mount' ? 'mount' : 'unmount'
      reject(
        new Error(
          `${kind} failed: ${status}\n${kind === 'mount' ? 'Mounting' : 'Unmounting'} arguments: ${args.join(' ')}\nOutput: ${output}`,
        ),
      )
    })
  })
}

/** /proc/self/mountinfo (proc(5)). */
export function parseMountInfo(text: string): MountPoint[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const fields = line.split(' ')
      const dash = fields.indexOf('-', 6)
      const [id = '0', parentId = '0', , root = '', path = '', options = ''] = fields
      const [type = '', source = ''] = fields.slice(dash + 1)
      return {
        ...{ id: Number(id), parentId: Number(parentId), root: unescape(root), path: unescape(path) },
        ...{ type, source: unescape(source), options: options.split(',') },
      }
    })
}

/** Blanks are octal escapes in it. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
