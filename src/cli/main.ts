import { Command } from 'commander'

const version = process.env.QUORATE_VERSION ?? 'unknown'

const program = new Command('quorate')
  .description('A Kubernetes-compatible, highly available cluster in one npm package.')
  .version(version, '--version', 'print the version of this package')
  .showHelpAfterError('(run `quorate --help` for what there is)')

program
  .command('version')
  .description('print the version of this package and of the Kubernetes API it serves')
  .action(() => console.log(`quorate ${version} (Kubernetes v1.36.0)`))

program.parseAsync().catch((error: unknown) => {
  console.error(`quorate: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
})
