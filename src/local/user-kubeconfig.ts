/** The context of a cluster in the kubeconfig of the user. */
import { resolve } from 'node:path'
import { parse } from 'yaml'
import type { Kubeconfig } from '../pki/kubeconfig.js'
import { writeState } from './cluster-state.js'
import type { LocalCluster, LocalContext } from './context.js'
import { readIfPresent } from '../base/node/files.js'
import { fileForContext, kubeconfigFiles, mergeKubeconfig } from './kubeconfig-merge.js'

/** The file that a context goes to. */
export function userKubeconfig({ platform, kubeconfigVariable }: LocalContext, given: string | undefined): string {
  return fileForContext(
    kubeconfigFiles({ given, variable: kubeconfigVariable, listSeparator: platform.listSeparator, home: platform.home() }),
  )
}

/** Returns the file. It is the one from which deleting the cluster removes the context. */
export async function writeContext(context: LocalContext, { state, paths }: LocalCluster, given: string | undefined): Promise<string> {
  const file = resolve(userKubeconfig(context, given))
  await mergeKubeconfig(file, parse(readIfPresent(paths.kubeconfig) ?? '') as Kubeconfig, context.clock)
  if (!state.mergedInto.includes(file)) writeState(paths, { ...state, mergedInto: [...state.mergedInto, file] })
  return file
}
