/** A kubelet without systemd: `quorate supervise` keeps it running and is known by its pid file. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { QuorateError } from '../../base/errors.js'
import { processStart } from '../../base/node/process-start.js'
import { realClock } from '../../base/real-clock.js'
import type { NodeFiles } from '../machine/node-files.js'
import { flagsOf, kubeletArgs, kubeletFlagsPath, type KubeletService, type Launcher } from './kubelet-service.js'

const pidPath = '/run/quorate/kubelet.pid'
const logPath = '/var/log/kubelet.log'
const stopTimeoutMs = 20_000
const pollMs = 50

export function supervisedKubelet(files: NodeFiles, { node, entry }: Launcher): KubeletService {
  const clock = realClock()
  const running = () => livingProcess(files.read(pidPath))
  const gone = async (pid: number) => {
    for (const deadline = clock.monotonic() + stopTimeoutMs; clock.monotonic() < deadline; await clock.sleep(pollMs))
      if (running() !== pid) return
    throw new QuorateError('ServiceFailed', `the kubelet (process ${pid}) does not end`, { remedy: `End it: kill -9 ${pid}` })
  }
  const stop = async () => {
    const pid = running()
    if (pid === undefined) return
    process.kill(pid, 'SIGTERM')
    await gone(pid)
  }
  return {
    logs: `tail -n 50 ${logPath}`,
    async start() {
      await stop()
      const args = [
        'supervise',
        `--pid-file=${files.locate(pidPath)}`,
        `--log-file=${files.locate(logPath)}`,
        '--',
        'kubelet',
        ...kubeletArgs,
      ]
      const child = spawn(node, [entry, ...args, ...flagsOf(files.read(kubeletFlagsPath))], { detached: true, stdio: 'ignore' })
      child.unref()
      for (const deadline = clock.monotonic() + stopTimeoutMs; clock.monotonic() < deadline; await clock.sleep(pollMs))
        if (running() !== undefined) return
      throw new QuorateError('ServiceFailed', 'the kubelet does not start', { remedy: `See ${logPath}.` })
    },
    stop,
    async remove() {
      await stop()
      files.remove(pidPath)
      files.remove(logPath)
    },
    isActive: async () => running() !== undefined,
  }
}

/** The pid, while the process is still the one that wrote the file ("PID START"). */
export function livingProcess(text: string | undefined): number | undefined {
  const [pid = '', start = ''] = (text ?? '').trim().split(' ')
  if (!/^\d+$/.test(pid) || !existsSync(`/proc/${pid}`)) return undefined
  return processStart(Number(pid)) === start ? Number(pid) : undefined
}
