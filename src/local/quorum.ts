/** The arithmetic of a majority, as the messages and `quorate status` say it. */
import { QuorateError } from '../base/errors.js'

/** Members that must agree. */
export function quorumOf(members: number): number {
  return Math.floor(members / 2) + 1
}

/** Members that may be lost before nothing can be written. */
export function toleratedLosses(members: number): number {
  return members === 0 ? 0 : members - quorumOf(members)
}

/** How many more healthy members may be lost; negative when the quorum is gone already. */
export function remainingLosses(members: number, healthy: number): number {
  return healthy - quorumOf(members)
}

export const controlPlanesMax = 9

/** Throws QuorateError for a number of control planes that makes no sense, with the reason in numbers. */
export function checkControlPlanes(count: number): void {
  if (!Number.isInteger(count) || count < 1)
    throw new QuorateError('BadUsage', `--control-planes ${count}: a cluster has at least one control plane`, { remedy: 'Give 1, 3 or 5.' })
  if (count > controlPlanesMax)
    throw new QuorateError('BadUsage', `--control-planes ${count}: at most ${controlPlanesMax} on one machine`, {
      remedy: 'Every further member makes each write wait for more of them; 3 or 5 are usual.',
    })
  if (count % 2 === 1) return
  const fewer = count - 1
  throw new QuorateError(
    'BadUsage',
    `--control-planes ${count} is even: a quorum of ${count} is ${quorumOf(count)}, so it survives the loss of ${losses(toleratedLosses(count))}, ` +
      `as ${fewer} would (quorum ${quorumOf(fewer)}, survives ${losses(toleratedLosses(fewer))})`,
    { remedy: `Give ${fewer} for the same safety at less cost, or ${count + 1} to survive ${losses(toleratedLosses(count + 1))}.` },
  )
}

function losses(count: number): string {
  return count === 0 ? 'none' : String(count)
}
