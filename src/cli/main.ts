import { setMaxListeners } from 'node:events'
import { Command, CommanderError } from 'commander'
import { messageOf, QuorateError } from '../base/errors.js'
import { gitVersion, packageVersion } from '../node/version.js'
import { componentNames } from '../node/components/mains.js'
import { addCerts } from './adm/certs.js'
import { addConfig } from './adm/config.js'
import { addInit } from './adm/init.js'
import { addJoin } from './adm/join.js'
import { addReset } from './adm/reset.js'
import { addToken } from './adm/token.js'
import { runComponent } from './component-command.js'
import { addSupervise } from './supervise-command.js'
import { addDelete, addDown } from './local/down.js'
import { addKubeconfig } from './local/kubeconfig.js'
import { addList } from './local/list.js'
import { addLogs } from './local/logs.js'
import { addNode } from './local/node.js'
import { addPower } from './local/power.js'
import { addStatus } from './local/status.js'
import { addUp } from './local/up.js'

// A signal here has as many listeners as there are watches and controllers; node's warning is meant for emitters that leak.
setMaxListeners(0)

// Whoever reads what is printed may have seen enough (`| head`): that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const program = new Command('quorate')
  .description('A Kubernetes-compatible, highly available cluster in one npm package.')
  .version(packageVersion, '--version', 'print the version of this package')
  .showHelpAfterError('(run `quorate --help` for what there is)')
  .showSuggestionAfterError()
  .exitOverride()

program
  .command('version')
  .description('print the version of this package and of the Kubernetes API it serves')
  .option('-o, --output <format>', 'json for scripts')
  .action(({ output }: { output?: string }) =>
    console.log(
      output === 'json' ? JSON.stringify({ version: packageVersion, gitVersion }) : `quorate ${packageVersion} (Kubernetes ${gitVersion})`,
    ),
  )

for (const add of [addUp, addDown, addDelete, addList, addStatus, addPower, addLogs, addNode, addKubeconfig]) add(program)
for (const add of [addInit, addJoin, addReset, addCerts, addToken, addConfig, addSupervise]) add(program)

for (const name of componentNames) {
  program
    .command(name)
    .description(`run ${name} with upstream's flags`)
    .allowUnknownOption()
    .allowExcessArguments()
    .helpOption(false)
    .action((_: unknown, command: Command) => runComponent(name, command.args))
}

/** 0: done; 1: it failed; 2: it was asked for wrongly. */
const usageCodes = new Set(['BadConfig', 'BadFlag', 'BadUsage', 'TargetUnknown'])

program.parseAsync().catch((error: unknown) => {
  if (error instanceof CommanderError) {
    // Commander has said what is wrong, or printed the help that was asked for.
    process.exitCode = error.exitCode === 0 ? 0 : 2
    return
  }
  console.error(`quorate: ${messageOf(error)}`)
  if (error instanceof QuorateError && error.remedy) console.error(error.remedy)
  process.exitCode ||= error instanceof QuorateError && usageCodes.has(error.code) ? 2 : 1
})
