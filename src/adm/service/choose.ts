import type { NodeFiles } from '../machine/node-files.js'
import type { KubeletService, Launcher } from './kubelet-service.js'
import { supervisedKubelet } from './supervised.js'
import { systemdKubelet } from './systemd.js'

/** What this machine starts services with. */
export function kubeletService(files: NodeFiles, launcher: Launcher): KubeletService {
  // systemd's own test (sd_booted).
  return files.kind('/run/systemd/system') === 'directory' ? systemdKubelet(files, launcher) : supervisedKubelet(files, launcher)
}
