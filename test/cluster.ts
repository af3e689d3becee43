/** A cluster of this test's own, made by the command as its users run it: an own home, an own kubeconfig, any free port. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { must, type Run, type RunOptions, run } from './programs.js'

export const command = fileURLToPath(new URL('../bin/quorate.js', import.meta.url))

export interface TestCluster {
  readonly name: string
  readonly home: string
  readonly kubeconfig: string
  /** The command with this cluster's home; throws when it fails. */
  quorate(...args: string[]): Promise<string>
  /** The same without a judgement. */
  tryQuorate(...args: string[]): Promise<Run>
  kubectl(...args: string[]): Promise<string>
  /** kubectl with a manifest on standard input. */
  kubectlWith(input: string, ...args: string[]): Promise<string>
  tryKubectl(args: readonly string[], options?: RunOptions): Promise<Run>
  remove(): Promise<void>
}

export async function upCluster(name: string, ...flags: string[]): Promise<TestCluster> {
  const home = mkdtempSync(join(tmpdir(), `quorate-${name}-`))
  const kubeconfig = join(home, 'kubeconfig')
  const env = { QUORATE_HOME: home, KUBECONFIG: kubeconfig, HOME: home }
  const quorate = (args: readonly string[]) => run(process.execPath, [command, ...args], { env, timeoutMs: 120_000 })
  const cluster: TestCluster = {
    ...{ name, home, kubeconfig },
    quorate: (...args) => must(process.execPath, [command, ...args], { env, timeoutMs: 120_000 }),
    tryQuorate: (...args) => quorate(args),
    kubectl: (...args) => must('kubectl', args, { env, timeoutMs: 120_000 }),
    kubectlWith: (input, ...args) => must('kubectl', args, { env, input, timeoutMs: 120_000 }),
    tryKubectl: (args, options) => run('kubectl', args, { ...options, env: { ...env, ...options?.env } }),
    async remove() {
      await cluster.quorate('delete', name)
      rmSync(home, { recursive: true, force: true })
    },
  }
  try {
    await cluster.quorate('up', name, '--api-port=0', ...flags)
  } catch (error) {
    await quorate(['delete', name])
    rmSync(home, { recursive: true, force: true })
    throw error
  }
  return cluster
}
