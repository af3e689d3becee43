/**
 * `quorate etcd-host`: the real etcd of this machine as a component. Its flags are handed to it as they are, paths mapped to the node's own
 * root. It never outlives who started it, however that ends.
 */
import { spawnSync } from 'node:child_process'
import { type BoundChild, spawnBound } from '../../base/node/bound-child.js'
import { QuorateError } from '../../base/errors.js'
import { type ComponentMain, type HostedDeps, running } from './component.js'

const program = 'etcd'
const graceMs = 5_000
/** The last lines of its output explain an unexpected end. */
const lastLinesMax = 5

export const etcdHost: ComponentMain = {
  name: 'etcd-host',
  help: () => spawnSync(program, ['--help'], { encoding: 'utf8' }).stdout ?? 'etcd is not installed\n',
  start: (argv, deps) => running(async (fail) => startEtcd(argv, deps, fail)),
}

async function startEtcd(argv: readonly string[], deps: HostedDeps, fail: (error: Error) => void) {
  const args = argv.map((argument) => mapped(argument, deps.resolvePath))
  const child = spawnBound(program, args)
  const last: string[] = []
  const output = deps.output ?? ((line: string) => deps.logger.info(line))
  for (const stream of [child.stdout, child.stderr]) {
    onLines(stream, (line) => {
      last.push(line)
      if (last.length > lastLinesMax) last.shift()
      output(line)
    })
  }
  let stopping = false
  const exited = new Promise<void>((resolve) => {
    child.once('close', (code, signal) => {
      if (!stopping) fail(new QuorateError('EtcdEnded', `etcd ended by ${signal ?? `exit code ${code}`}: ${last.join('\n')}`))
      resolve()
    })
  })
  await spawned(child)
  return {
    async stop(how?: { crash?: boolean }) {
      stopping = true
      child.kill(how?.crash ? 'SIGKILL' : 'SIGTERM')
      const cancel = deps.clock.timer(graceMs, () => child.kill('SIGKILL'))
      await exited
      cancel()
    },
  }
}

/** "--data-dir=/var/lib/etcd": where that is on this node. */
function mapped(argument: string, resolvePath: (path: string) => string): string {
  const match = /^(--?[\w-]+=)(\/.*)$/.exec(argument)
  return match ? `${match[1]}${resolvePath(match[2] as string)}` : argument
}

function spawned(child: BoundChild): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (error) => reject(new QuorateError('EtcdMissing', `etcd cannot be started: ${error.message}`, { cause: error })))
  })
}

function onLines(stream: NodeJS.ReadableStream, each: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() as string
    for (const line of parts) each(line)
  })
  stream.on('end', () => {
    if (rest !== '') each(rest)
  })
}
