import { Command } from 'commander'
import { messageOf, QuorateError } from '../base/errors.js'
import { gitVersion, packageVersion } from '../node/version.js'
import { componentNames } from '../node/components/mains.js'
import { runComponent } from './component-command.js'
import { runNode } from './node-command.js'
import { addDelete, addDown } from './local/down.js'
import { addUp } from './local/up.js'

const program = new Command('quorate')
  .description('A Kubernetes-compatible, highly available cluster in one npm package.')
  .version(packageVersion, '--version', 'print the version of this package')
  .showHelpAfterError('(run `quorate --help` for what there is)')
  .showSuggestionAfterError()

program
  .command('version')
  .description('print the version of this package and of the Kubernetes API it serves')
  .option('-o, --output <format>', 'json for scripts')
  .action(({ output }: { output?: string }) =>
    console.log(
      output === 'json' ? JSON.stringify({ version: packageVersion, gitVersion }) : `quorate ${packageVersion} (Kubernetes ${gitVersion})`,
    ),
  )

addUp(program)
addDown(program)
addDelete(program)

for (const name of componentNames) {
  program
    .command(name)
    .description(`run ${name} with upstream's flags`)
    .allowUnknownOption()
    .allowExcessArguments()
    .helpOption(false)
    .action((_: unknown, command: Command) => runComponent(name, command.args))
}

program
  .command('node', { hidden: true })
  .requiredOption('--config <file>')
  .action(({ config }: { config: string }) => runNode(config))

program.parseAsync().catch((error: unknown) => {
  console.error(`quorate: ${messageOf(error)}`)
  if (error instanceof QuorateError && error.remedy) console.error(error.remedy)
  process.exitCode = error instanceof QuorateError && error.code === 'BadFlag' ? 2 : 1
})
