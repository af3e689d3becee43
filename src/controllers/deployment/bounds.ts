/** The arithmetic of a rollout: how far it may go above and below the wanted number of pods. */
import type { Deployment } from '../../api/types/apps-v1.js'
import { scaledValue } from '../common/int-or-percent.js'

export interface Bounds {
  readonly wanted: number
  readonly maxSurge: number
  readonly maxUnavailable: number
}

/**
 * maxSurge rounds up and maxUnavailable down; when both come out as 0 one pod may be unavailable, or nothing could ever move
 * (Deployment API, rollingUpdate).
 */
export function boundsOf(deployment: Deployment): Bounds {
  const wanted = deployment.spec?.replicas ?? 1
  if (!isRolling(deployment)) return { wanted, maxSurge: 0, maxUnavailable: 0 }
  const { maxSurge, maxUnavailable } = deployment.spec?.strategy?.rollingUpdate ?? {}
  const surge = scaledValue(maxSurge ?? '25%', wanted, 'up')
  const unavailable = Math.min(scaledValue(maxUnavailable ?? '25%', wanted, 'down'), wanted)
  return { wanted, maxSurge: surge, maxUnavailable: surge === 0 && unavailable === 0 && wanted > 0 ? 1 : unavailable }
}

export function isRolling(deployment: Deployment): boolean {
  return (deployment.spec?.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate'
}
