import { klogLogger } from '../base/node/klog-logger.js'
import { realRandom } from '../base/random.js'
import { realClock } from '../base/real-clock.js'
import type { ComponentMain } from '../node/components/component.js'

const mains: Readonly<Record<string, () => Promise<ComponentMain>>> = {
  'kube-apiserver': async () => (await import('../node/components/kube-apiserver.js')).kubeApiserver,
  lb: async () => (await import('../node/components/lb.js')).lb,
  etcd: async () => (await import('../node/components/etcd.js')).etcd,
}
export const componentNames = Object.keys(mains)

/** Runs a component in the foreground until it ends or is told to (SIGINT, SIGTERM: orderly). */
export async function runComponent(name: string, argv: readonly string[]): Promise<void> {
  const main = await (mains[name] as () => Promise<ComponentMain>)()
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(main.help())
    return
  }
  const clock = realClock()
  const logger = klogLogger({ clock, name, write: (line) => process.stderr.write(line), verbosity: verbosityOf(argv) })
  const component = main.start(argv, { clock, random: realRandom(), logger, resolvePath: (path) => path })
  // Two signals end it at once, as every Kubernetes component does.
  let asked = false
  const stop = () => {
    if (asked) process.exit(1)
    asked = true
    void component.stop()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  await component.ready
  await component.done
}

function verbosityOf(argv: readonly string[]): number {
  const given = argv.find((argument) => /^--?v=\d+$/.test(argument))
  return given ? Number(given.split('=')[1]) : 0
}
