/** kubelet.service of systemd, as the packages of kubeadm shape it. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { QuorateError } from '../../base/errors.js'
import type { NodeFiles } from '../machine/node-files.js'
import { kubeletArgs, kubeletFlagsPath, type KubeletService, type Launcher } from './kubelet-service.js'

const run = promisify(execFile)
const unitPath = '/etc/systemd/system/kubelet.service'

export function systemdKubelet(files: NodeFiles, launcher: Launcher): KubeletService {
  return {
    logs: 'journalctl -xeu kubelet',
    async start() {
      files.write(unitPath, unitText(launcher), 0o644)
      await systemctl('daemon-reload')
      await systemctl('enable', 'kubelet')
      await systemctl('restart', 'kubelet')
    },
    stop: () => systemctl('stop', 'kubelet'),
    async remove() {
      if (!files.exists(unitPath)) return
      await systemctl('disable', '--now', 'kubelet')
      files.remove(unitPath)
      await systemctl('daemon-reload')
    },
    isActive: () =>
      systemctl('is-active', '--quiet', 'kubelet').then(
        () => true,
        () => false,
      ),
  }
}

export function unitText({ node, entry }: Launcher): string {
  return `[Unit]
Description=kubelet: The Kubernetes Node Agent (Quorate)
Wants=network-online.target
After=network-online.target

[Service]
EnvironmentFile=-${kubeletFlagsPath}
ExecStart=${node} ${entry} kubelet ${kubeletArgs.join(' ')} $KUBELET_KUBEADM_ARGS
Restart=always
StartLimitInterval=0
RestartSec=10
KillMode=process

[Install]
WantedBy=multi-user.target
`
}

async function systemctl(...args: string[]): Promise<void> {
  try {
    await run('systemctl', args)
  } catch (error) {
    throw new QuorateError('ServiceFailed', `systemctl ${args.join(' ')} failed: ${(error as Error).message}`, {
      remedy: 'See "systemctl status kubelet" and "journalctl -xeu kubelet".',
      cause: error,
    })
  }
}
