/** What the commands of a real machine share: kubeadm's flags of the same names. */
import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { messageOf, QuorateError } from '../../base/errors.js'
import type { ConfigSource } from '../../adm/config/load.js'

export function configOption(): Option {
  return new Option('--config <file>', 'a configuration file of kubeadm (kubeadm.k8s.io/v1beta4)')
}

export function rootfsOption(): Option {
  return new Option('--rootfs <dir>', 'work on the files below this directory instead of those of this machine')
}

/** Where a configuration comes from; `overrides` are what flags say. */
export function configSource(file: string | undefined, overrides: ConfigSource['overrides'] = {}): ConfigSource {
  if (file === undefined) return { name: 'the flags', overrides }
  return { name: file, text: readText(file), overrides }
}

export function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new QuorateError('BadUsage', `${file} cannot be read: ${messageOf(error)}`)
  }
}

/** A list given by commas, or by the flag several times. */
export function listOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((value: string, before: string[] | undefined) => [
    ...(before ?? []),
    ...value.split(',').filter(Boolean),
  ])
}

export function examples(command: Command, lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`)
}

/** Without what was not given. */
export function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
