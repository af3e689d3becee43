/** The etcd that is installed on this machine. */
import { QuorateError } from '../base/errors.js'
import { type EtcdVersion, etcdVersionOf } from '../node/static-pods/etcd.js'
import type { Platform } from './platform.js'

/** Throws QuorateError with advice when there is no etcd that can be used. */
export function installedEtcd(platform: Platform, run: (program: string) => string): EtcdVersion {
  const program = platform.findProgram('etcd')
  if (program === undefined)
    throw new QuorateError('EtcdMissing', 'etcd is not installed: there is no program of that name on the PATH', {
      remedy: `${platform.etcdAdvice} Or leave out --etcd: the embedded store needs nothing.`,
    })
  let text: string
  try {
    text = run(program)
  } catch (error) {
    throw new QuorateError('EtcdUnusable', `${program} --version fails: ${(error as Error).message}`, { remedy: platform.etcdAdvice })
  }
  return etcdVersionOf(text, program, platform.etcdAdvice)
}
