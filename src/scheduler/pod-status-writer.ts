/**
 * Writes why a pod is not scheduled into its status. The newest verdict of a pod wins; while one write is under way, later ones of
 * that pod are folded into the next. What the status says already is not written again.
 */
import type { Pod, PodCondition } from '../api/types/core-v1.js'
import { keyOf } from '../api/object.js'
import { hasReason } from '../api/status.js'
import { type Clock, timestamp } from '../base/clock.js'
import { messageOf } from '../base/errors.js'
import type { Logger } from '../base/logger.js'
import type { Client } from '../client/client.js'
import { resources } from '../client/resources.js'

interface Options {
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
}

interface Verdict {
  readonly pod: Pod
  readonly reason: string
  readonly message: string
  readonly nominatedNode: string | undefined
}

/** Status writes under way at once. */
const writesMax = 16

export class PodStatusWriter {
  readonly #options: Options
  readonly #waiting = new Map<string, Verdict>()
  readonly #writing = new Set<string>()

  constructor(options: Options) {
    this.#options = options
  }

  /** `nominatedNode`: a name promises it, '' withdraws the promise, undefined leaves it as it is. */
  write(pod: Pod, reason: string, message: string, nominatedNode: string | undefined): void {
    if (isSaid({ pod, reason, message, nominatedNode })) return
    const key = keyOf(pod)
    // A promise must not be lost by a verdict without one that overtakes it.
    const before = this.#waiting.get(key)
    this.#waiting.set(key, { pod, reason, message, nominatedNode: nominatedNode ?? before?.nominatedNode })
    this.#next()
  }

  /** Takes the promise of a node back and says nothing else. */
  withdrawPromise(pod: Pod): void {
    const condition = conditionOf(pod)
    this.write(pod, condition?.reason ?? 'Unschedulable', condition?.message ?? '', '')
  }

  #next(): void {
    for (const [key, verdict] of this.#waiting) {
      if (this.#writing.size >= writesMax) return
      if (this.#writing.has(key)) continue
      this.#waiting.delete(key)
      this.#writing.add(key)
      void this.#patch(verdict).finally(() => {
        this.#writing.delete(key)
        this.#next()
      })
    }
  }

  async #patch({ pod, reason, message, nominatedNode }: Verdict): Promise<void> {
    const { client, clock, logger, signal } = this.#options
    if (signal.aborted) return
    const old = conditionOf(pod)
    const condition: PodCondition = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
      lastTransitionTime: old?.status === 'False' && old.lastTransitionTime ? old.lastTransitionTime : timestamp(clock.now()),
    }
    const status = { conditions: [condition], ...(nominatedNode === undefined ? {} : { nominatedNodeName: nominatedNode || null }) }
    const { namespace = '', name = '', uid } = pod.metadata
    try {
      const body = { metadata: { uid }, status }
      await client.resource<Pod>(resources.pods).patch(namespace, name, { type: 'strategic', body }, { subresource: 'status' })
    } catch (error) {
      // Gone, or another pod under its name: nobody is left to tell.
      if (hasReason(error, 'NotFound') || hasReason(error, 'Conflict') || signal.aborted) return
      logger.warn('The status of a pod could not be written', { pod: keyOf(pod), error: messageOf(error) })
    }
  }
}

function isSaid({ pod, reason, message, nominatedNode }: Verdict): boolean {
  const condition = conditionOf(pod)
  if (nominatedNode !== undefined && (pod.status?.nominatedNodeName ?? '') !== nominatedNode) return false
  return condition?.status === 'False' && condition.reason === reason && condition.message === message
}

function conditionOf({ status }: Pod): PodCondition | undefined {
  return status?.conditions?.find(({ type }) => type === 'PodScheduled')
}
