import type { Node, NodeSelector, PodSpec } from '../../api/types/core-v1.js'
import type { NodeTable } from '../cache/node-table.js'
import { NodeMemo, Recent } from './node-memo.js'
import { requiredNodes } from './node-selector.js'

/** Classes of pods whose verdicts are remembered. */
const classesMax = 256

export type NodeTest = (slot: number) => boolean

/** Pods by what they require of a node's labels and name: pods of one class share the verdict on a node. */
export class NodeClasses {
  readonly #classes = new Recent<{ readonly matches: (node: Node) => boolean; readonly memo: NodeMemo }>(classesMax)

  /** undefined: such a pod goes on every node. */
  of(spec: PodSpec | undefined, nodes: NodeTable): NodeTest | undefined {
    const affinity = requiredOf(spec)
    const labels = spec?.nodeSelector
    if (!affinity && !(labels && Object.keys(labels).length > 0)) return undefined
    const { matches, memo } = this.#classes.get(JSON.stringify([labels, affinity]), () => ({
      matches: requiredNodes(labels, affinity) ?? (() => true),
      memo: new NodeMemo(nodes.capacity),
    }))
    const compute = (slot: number) => matches(nodes.nodes[slot] as Node)
    return (slot) => memo.get(nodes, slot, compute)
  }
}

export function requiredOf(spec: PodSpec | undefined): NodeSelector | undefined {
  return spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
}
