/** `quorate config`: configuration files of kubeadm, printed, judged and brought up. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { validateAll } from '../../adm/config/load.js'
import { defaultsOf, migrated } from '../../adm/config/print.js'
import { machineFacts } from '../../adm/machine/facts.js'
import { examples, readText } from './options.js'

export function addConfig(program: Command): void {
  const config = program.command('config').description('configuration files of init and join')
  config.action(() => config.help({ error: true }))
  const print = config.command('print').description('print a configuration')
  print.action(() => print.help({ error: true }))
  for (const name of ['init', 'join', 'reset'] as const)
    print
      .command(`${name}-defaults`)
      .description(`print what a configuration of ${name} means that says nothing`)
      .action(() => {
        process.stdout.write(defaultsOf[name]())
      })
  const validate = config
    .command('validate')
    .description('say everything that is wrong with a file')
    .requiredOption('--config <file>', 'the file; -: standard input')
    .action(({ config: file }: { config: string }) => {
      const { warnings } = validateAll(readText(file), file, machineFacts())
      for (const warning of warnings) console.error(`warning: ${warning}`)
      console.log('ok')
    })
  examples(validate, ['quorate config validate --config kubeadm.yaml'])
  config
    .command('migrate')
    .description('bring a file of v1beta3 up to v1beta4')
    .requiredOption('--old-config <file>', 'the file; -: standard input')
    .option('--new-config <file>', 'where the new one goes (default: standard output)')
    .action(({ oldConfig, newConfig }: { oldConfig: string; newConfig?: string }) => {
      const text = migrated(readText(oldConfig), oldConfig)
      if (newConfig === undefined) process.stdout.write(text)
      else writeFileSync(newConfig, text, { mode: 0o600 })
    })
}
