import { controlPlaneComponents } from '../../../node/static-pods/control-plane.js'
import { componentPod, manifestDirectory, memberPod, writePod } from '../../manifests/manifests.js'
import type { Phase } from '../phase.js'
import { type InitContext, ownerOf } from './context.js'

export const etcdPhase: Phase<InitContext> = {
  name: 'etcd',
  description: 'Generate static Pod manifest file for local etcd',
  when: ({ cluster }) => cluster.etcd.local !== undefined,
  phases: [
    {
      name: 'local',
      description: 'Generate the static Pod manifest file for a local, single-node local etcd instance',
      run(context) {
        context.say(`[etcd] Creating static Pod manifest for local etcd in "${manifestDirectory}"`)
        writePod(context.files, memberPod(ownerOf(context), context.etcdVersion()))
      },
    },
  ],
}

export const controlPlanePhase: Phase<InitContext> = {
  name: 'control-plane',
  description: 'Generate all static Pod manifest files necessary to establish the control plane',
  run: ({ say }) => say(`[control-plane] Using manifest folder "${manifestDirectory}"`),
  phases: controlPlaneComponents.map((component) => ({
    name: component.replace(/^kube-/, ''),
    description: `Generates the ${component} static Pod manifest`,
    run(context) {
      context.say(`[control-plane] Creating static Pod manifest for "${component}"`)
      writePod(context.files, componentPod(component, ownerOf(context), context.files))
    },
  })),
}
