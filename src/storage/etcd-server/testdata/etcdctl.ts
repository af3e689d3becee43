import { spawn } from 'node:child_process'

/** Runs the real etcdctl against an endpoint; gives all that it prints. */
export function etcdctl(endpoint: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('etcdctl', [`--endpoints=${endpoint}`, ...args], { env: { PATH: process.env['PATH'], ETCDCTL_API: '3' } })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.once('error', reject)
    child.once('close', () => resolve(output))
    child.stdin.end(input)
  })
}
