/** The surroundings of a command: this machine, this user, this process. */
import { join, resolve } from 'node:path'
import { realClock } from '../../base/real-clock.js'
import type { LocalContext } from '../../local/context.js'
import { thisPlatform } from '../../local/platform.js'

export function localContext(): LocalContext {
  const platform = thisPlatform()
  return {
    home: resolve(process.env.QUORATE_HOME || join(platform.home(), '.quorate')),
    platform,
    clock: realClock(),
    launcher: { node: process.execPath, entry: resolve(process.argv[1] as string) },
    kubeconfigVariable: process.env.KUBECONFIG,
  }
}
