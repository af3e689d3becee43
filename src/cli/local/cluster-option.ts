import { type Command, Option } from 'commander'
import { impliedClusterName, type LocalContext } from '../../local/context.js'

/** For commands whose arguments name something in a cluster. */
export function clusterOption(): Option {
  return new Option('-c, --cluster <name>', 'the cluster (default: "default", or the only one there is)')
}

export function clusterOf(context: LocalContext, given: string | undefined): string {
  return given ?? impliedClusterName(context)
}

/** Help texts end with examples: two spaces, the command, what it does. */
export function withExamples(command: Command, examples: readonly (readonly [line: string, what: string])[]): Command {
  const width = Math.max(...examples.map(([line]) => line.length)) + 3
  return command.addHelpText('after', `\nExamples:\n${examples.map(([line, what]) => `  ${line.padEnd(width)}${what}`).join('\n')}`)
}
