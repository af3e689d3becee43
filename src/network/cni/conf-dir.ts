/** The folder of CNI configurations (/etc/cni/net.d). A runtime that watches it never sees half a file. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { conflistName } from './conflist.js'

export class ConfDir {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  async files(): Promise<string[]> {
    return orMissing(readdir(this.#path), [])
  }

  /** Whether the file had to be written. */
  async write(text: string): Promise<boolean> {
    const file = join(this.#path, conflistName)
    if ((await orMissing(readFile(file, 'utf8'), undefined)) === text) return false
    await mkdir(this.#path, { recursive: true })
    // Runtimes look at .conf, .conflist and .json.
    const draft = join(this.#path, `.${conflistName}.tmp`)
    await writeFile(draft, text)
    await rename(draft, file)
    return true
  }

  remove(): Promise<void> {
    return rm(join(this.#path, conflistName), { force: true })
  }
}

async function orMissing<T, U>(read: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await read
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return otherwise
    throw error
  }
}
