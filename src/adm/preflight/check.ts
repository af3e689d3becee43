/**
 * Checks of a machine before it is changed: each is a value with kubeadm's id, and every one is run, so that all failures are said at once.
 * `--ignore-preflight-errors` turns failures into warnings by id.
 */
import { QuorateError } from '../../base/errors.js'

export interface Check<C> {
  /** As kubeadm knows it: "Port-6443", "IsPrivilegedUser". */
  readonly id: string
  /** What is wrong and how it is mended; undefined: nothing. */
  run(context: C): Finding | undefined | Promise<Finding | undefined>
}

export interface Finding {
  readonly cause: string
  /** The command or the step that mends it. */
  readonly remedy: string
  /** Not good, but no reason to stop. */
  readonly warning?: boolean
}

export interface Report {
  readonly warnings: readonly string[]
}

/** Throws QuorateError PreflightFailed with every failure that is not ignored ("all" ignores each). */
export async function runChecks<C>(checks: readonly Check<C>[], context: C, ignored: readonly string[]): Promise<Report> {
  const quiet = new Set(ignored.map((id) => id.toLowerCase()))
  const warnings: string[] = []
  const failures: string[] = []
  const findings = await Promise.all(checks.map(async (check) => ({ id: check.id, finding: await check.run(context) })))
  for (const { id, finding } of findings) {
    if (!finding) continue
    const isIgnored = quiet.has('all') || quiet.has(id.toLowerCase())
    const kind = finding.warning || isIgnored ? 'WARNING' : 'ERROR'
    ;(kind === 'ERROR' ? failures : warnings).push(`[${kind} ${id}]: ${finding.cause}\n\t${finding.remedy}`)
  }
  if (failures.length > 0)
    throw new QuorateError('PreflightFailed', `[preflight] Some fatal errors occurred:\n\t${failures.join('\n\t')}`, {
      remedy: '[preflight] If you know what you are doing, you can make a check non-fatal with `--ignore-preflight-errors=...`',
    })
  return { warnings }
}
