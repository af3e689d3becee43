import { runChecks } from '../../preflight/check.js'
import { controlPlaneChecks, nodeChecks } from '../../preflight/init-checks.js'
import { thisMachine } from '../../preflight/machine.js'
import type { Phase } from '../phase.js'
import type { InitContext } from './context.js'

export const preflightPhase: Phase<InitContext> = {
  name: 'preflight',
  description: 'Run pre-flight checks',
  async run({ say, init, cluster, files, ignoredErrors }) {
    say('[preflight] Running pre-flight checks')
    const context = { machine: thisMachine(files), node: init.nodeRegistration, cluster, bindPort: init.localAPIEndpoint.bindPort }
    const ignored = [...ignoredErrors, ...(init.nodeRegistration.ignorePreflightErrors ?? [])]
    const { warnings } = await runChecks([...nodeChecks, ...controlPlaneChecks], context, ignored)
    for (const warning of warnings) say(`\t${warning}`)
  },
}
