/** `quorate reset`: this machine is no node any more. */
import { resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { realClock } from '../../base/real-clock.js'
import { loadReset } from '../../adm/config/load.js'
import { nodeFiles } from '../../adm/machine/node-files.js'
import { findPhase, runPhases } from '../../adm/phases/phase.js'
import { resetPhases } from '../../adm/phases/reset/reset.js'
import { kubeletService } from '../../adm/service/choose.js'
import { configOption, configSource, examples, listOption, rootfsOption } from './options.js'

interface ResetFlags {
  readonly config?: string
  readonly rootfs?: string
  readonly certDir?: string
  readonly cleanupTmpDir?: true
  readonly force?: true
  readonly skipPhases?: string[]
}

export function addReset(program: Command): void {
  const reset = withFlags(program.command('reset').description('take away what init and join have made on this machine'))
    .addOption(listOption('--skip-phases <phases>', 'phases that are left out'))
    .action((flags: ResetFlags) => run(undefined, flags))
  examples(reset, ['quorate reset', 'quorate reset --force'])
  const phase = reset.command('phase').description('run one phase of reset')
  phase.action(() => phase.help({ error: true }))
  for (const { name, description } of resetPhases)
    withFlags(phase.command(name).description(description)).action((flags: ResetFlags) => run(name, flags))
}

function withFlags(command: Command): Command {
  return command
    .addOption(configOption())
    .addOption(rootfsOption())
    .option('--cert-dir <dir>', 'where certificates lie (default: /etc/kubernetes/pki)')
    .option('--cleanup-tmp-dir', 'take away /etc/kubernetes/tmp too')
    .option('-f, --force', 'do not ask')
}

async function run(path: string | undefined, flags: ResetFlags): Promise<void> {
  const given = loadReset(configSource(flags.config))
  const files = nodeFiles(flags.rootfs)
  const launcher = { node: process.execPath, entry: resolve(process.argv[1] as string) }
  const context = {
    reset: {
      ...given,
      ...(flags.certDir ? { certificatesDir: flags.certDir } : {}),
      ...(flags.cleanupTmpDir ? { cleanupTmpDir: true } : {}),
    },
    ...{ files, launcher, clock: realClock(), service: kubeletService(files, launcher) },
    confirmed: async () => flags.force === true || given.force === true || ask(),
    say: (line: string) => console.log(line),
  }
  if (path === undefined) await runPhases(resetPhases, context, [...(given.skipPhases ?? []), ...(flags.skipPhases ?? [])])
  else await runPhases([findPhase(resetPhases, path)], context)
}

/** Without a terminal nobody can say yes. */
async function ask(): Promise<boolean> {
  if (!process.stdin.isTTY) return false
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return /^y(es)?$/i.test(await terminal.question('[reset] Are you sure you want to proceed? [y/N]: '))
  } finally {
    terminal.close()
  }
}
