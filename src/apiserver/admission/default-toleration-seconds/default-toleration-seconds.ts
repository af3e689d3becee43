import type { Pod, Toleration } from '../../../api/types/core-v1.js'
import type { AdmissionPlugin } from '../admission.js'
import { on } from '../plugin.js'

const defaultSeconds = 300

/** A pod outlives five minutes of its node being not ready or unreachable, unless it says otherwise. */
export function defaultTolerationSeconds(options: { notReadySeconds?: number; unreachableSeconds?: number } = {}): AdmissionPlugin {
  const wanted = [
    ['node.kubernetes.io/not-ready', options.notReadySeconds ?? defaultSeconds],
    ['node.kubernetes.io/unreachable', options.unreachableSeconds ?? defaultSeconds],
  ] as const
  return {
    name: 'DefaultTolerationSeconds',
    handles: on(['CREATE', 'UPDATE'], 'pods'),
    mutate({ object }) {
      const spec = (object as unknown as Pod).spec
      if (!spec) return
      const missing = wanted.filter(([key]) => !spec.tolerations?.some((toleration) => tolerates(toleration, key)))
      if (missing.length === 0) return
      const added = missing.map(
        ([key, tolerationSeconds]): Toleration => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }),
      )
      spec.tolerations = [...(spec.tolerations ?? []), ...added]
    },
  }
}

function tolerates({ key, effect }: Toleration, taint: string): boolean {
  return (!key || key === taint) && (!effect || effect === 'NoExecute')
}
