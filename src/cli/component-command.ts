import { klogLogger } from '../base/node/klog-logger.js'
import { realRandom } from '../base/random.js'
import { realClock } from '../base/real-clock.js'
import type { ComponentMain } from '../node/components/component.js'
import { componentMain } from '../node/components/mains.js'
import { runInForeground } from './foreground.js'

/** Runs a component in the foreground until it ends or is told to (SIGINT, SIGTERM: orderly). */
export async function runComponent(name: string, argv: readonly string[]): Promise<void> {
  const main = (await componentMain(name)) as ComponentMain
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(main.help())
    return
  }
  const clock = realClock()
  const logger = klogLogger({ clock, name, write: (line) => process.stderr.write(line), verbosity: verbosityOf(argv) })
  const component = main.start(argv, {
    clock,
    random: realRandom(),
    logger,
    resolvePath: (path) => path,
    output: (line) => process.stderr.write(`${line}\n`),
  })
  await runInForeground(component, clock)
}

function verbosityOf(argv: readonly string[]): number {
  const given = argv.find((argument) => /^--?v=\d+$/.test(argument))
  return given ? Number(given.split('=')[1]) : 0
}
