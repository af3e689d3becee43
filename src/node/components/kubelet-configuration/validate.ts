import { isQuantity } from '../../../api/quantity.js'
import { parseDurationMs } from '../../../base/duration.js'
import type { KubeletConfiguration } from './kubelet-fields.js'

/** Values that no kubelet could work with, in upstream's words (pkg/kubelet/apis/config/validation). */
export function configurationFaults(config: KubeletConfiguration): string[] {
  const faults: string[] = []
  const expect = (holds: boolean, message: string) => {
    if (!holds) faults.push(`invalid configuration: ${message}`)
  }
  const port = (value: number, name: string) =>
    expect(value >= 0 && value <= 65_535, `${name} ${value} must be between 0 and 65535, inclusive`)
  const percent = (value: number, name: string) =>
    expect(value >= 0 && value <= 100, `${name} ${value} must be between 0 and 100, inclusive`)
  port(config.port, 'port')
  port(config.readOnlyPort, 'readOnlyPort (--read-only-port)')
  port(config.healthzPort, 'healthzPort (--healthz-port)')
  percent(config.imageGCHighThresholdPercent, 'imageGCHighThresholdPercent (--image-gc-high-threshold)')
  percent(config.imageGCLowThresholdPercent, 'imageGCLowThresholdPercent (--image-gc-low-threshold)')
  expect(
    config.imageGCLowThresholdPercent < config.imageGCHighThresholdPercent,
    `imageGCLowThresholdPercent (--image-gc-low-threshold) ${config.imageGCLowThresholdPercent} must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) ${config.imageGCHighThresholdPercent}`,
  )
  expect(config.maxPods >= 0, `maxPods (--max-pods) ${config.maxPods} must not be a negative number`)
  expect(config.nodeLeaseDurationSeconds > 0, 'nodeLeaseDurationSeconds must be greater than 0')
  expect(
    config.oomScoreAdj >= -1_000 && config.oomScoreAdj <= 1_000,
    `oomScoreAdj (--oom-score-adj) ${config.oomScoreAdj} must be between -1000 and 1000, inclusive`,
  )
  expect(
    config.containerLogMaxFiles > 1,
    `containerLogMaxFiles (--container-log-max-files) ${config.containerLogMaxFiles} must be greater than 1`,
  )
  expect(
    isQuantity(config.containerLogMaxSize),
    `containerLogMaxSize (--container-log-max-size) ${config.containerLogMaxSize} is no quantity`,
  )
  expect(
    config.shutdownGracePeriod >= config.shutdownGracePeriodCriticalPods,
    'shutdownGracePeriod must be >= shutdownGracePeriodCriticalPods',
  )
  expect(
    config.shutdownGracePeriodByPodPriority.length === 0 ||
      (config.shutdownGracePeriod === 0 && config.shutdownGracePeriodCriticalPods === 0),
    'Cannot specify both shutdownGracePeriodByPodPriority and shutdownGracePeriod at the same time',
  )
  for (const [signal] of Object.entries(config.evictionSoft))
    expect(
      parseDurationMs(config.evictionSoftGracePeriod[signal] ?? '') !== undefined,
      `evictionSoftGracePeriod[${signal}] grace period must be specified for the soft eviction threshold ${signal}`,
    )
  for (const field of ['evictionHard', 'evictionSoft', 'evictionMinimumReclaim'] as const)
    for (const [signal, value] of Object.entries(config[field]))
      expect(isAmount(value), `${field}[${signal}] "${value}" is neither a quantity nor a percentage`)
  for (const field of ['kubeReserved', 'systemReserved'] as const)
    for (const [resource, value] of Object.entries(config[field])) {
      expect(reservable.has(resource), `cannot reserve "${resource}" resource`)
      expect(isQuantity(value) && !value.startsWith('-'), `${field}[${resource}] "${value}" must be a quantity that is not negative`)
    }
  return faults
}

const reservable = new Set(['cpu', 'memory', 'ephemeral-storage', 'pid'])

function isAmount(text: string): boolean {
  return /^\d+(\.\d+)?%$/.test(text) ? Number.parseFloat(text) <= 100 : isQuantity(text) && !text.startsWith('-')
}
