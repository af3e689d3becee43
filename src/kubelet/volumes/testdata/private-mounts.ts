import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'

/** Why programs cannot be run with mounts of their own here; undefined when they can. */
export function whyNoMounts(): string | undefined {
  if (process.platform !== 'linux') return 'mount namespaces are Linux’s'
  return process.getuid?.() === 0 ? undefined : 'mounting needs root'
}

/** Runs a TypeScript program in a mount namespace of its own, where it may mount what it likes; what it prints is JSON. */
export async function runWithPrivateMounts<T>(program: string): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'mounts-'))
  try {
    const outfile = join(directory, 'program.mjs')
    await build({ entryPoints: [program], outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' })
    const args = ['-m', '--propagation', 'private', process.execPath, outfile, directory]
    const output = await new Promise<string>((resolve, reject) => {
      execFile('unshare', args, { timeout: 60_000 }, (error, stdout, stderr) =>
        error ? reject(new Error(`${error.message}\n${stderr}`)) : resolve(stdout),
      )
    })
    return JSON.parse(output) as T
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
