import { readFileSync } from 'node:fs'
import { klogLogger } from '../base/node/klog-logger.js'
import { realRandom } from '../base/random.js'
import { realClock } from '../base/real-clock.js'
import { type MachineConfig, startMachine } from '../node/machine/machine.js'
import { runInForeground } from './foreground.js'

/** `quorate node --config FILE`: one control-plane machine of a cluster on this machine, until it is told to end. */
export async function runNode(file: string): Promise<void> {
  const config = JSON.parse(readFileSync(file, 'utf8')) as MachineConfig
  const clock = realClock()
  const logger = klogLogger({ clock, name: 'kubelet', write: (line) => process.stderr.write(line) })
  await runInForeground(startMachine(config, { clock, random: realRandom(), logger }), clock)
}
