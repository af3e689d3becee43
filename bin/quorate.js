#!/usr/bin/env node
// The one entry of the command. It loads the bundle through V8's code cache, which halves the start-up time;
// the cache is made on first use and dropped when the bundle or Node changes.
import { createHash } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist')
const file = join(dist, 'quorate.cjs')

// Kept out of the module's own variables, so that the megabytes of text are not held for the life of the process.
load()

function load() {
  const source = bundle()
  // V8 takes a cache only under the flags it was made with, and the processes of a cluster have different ones.
  const flags = process.execArgv.length === 0 ? '' : `.${createHash('sha256').update(process.execArgv.join(' ')).digest('hex').slice(0, 8)}`
  const cacheFile = join(dist, `quorate.${process.version}${flags}.cache`)
  const cachedData = readIfThere(cacheFile)
  const script = new vm.Script(source, {
    filename: file,
    cachedData,
    importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
  const module = { exports: {} }
  script.runInThisContext()(module.exports, createRequire(file), module, file, dist)
  if (!cachedData || script.cachedDataRejected) writeCacheOnce(cacheFile, script)
}

/** At the end of a short command, or once a long one has started: it may be killed. */
function writeCacheOnce(cacheFile, script) {
  let written = false
  const write = () => {
    if (!written) writeCache(cacheFile, script)
    written = true
  }
  process.once('exit', write)
  setTimeout(write, 10_000).unref()
}

/** The text of the bundle, which is one function; in ASCII, so that a character takes one byte of memory. */
function bundle() {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    console.error('quorate: the package is not built (dist/quorate.cjs is missing); run `make build` first')
    process.exit(1)
  }
}

function readIfThere(path) {
  try {
    return readFileSync(path)
  } catch {
    // No cache yet, or not readable: V8 compiles as usual.
    return undefined
  }
}

function writeCache(cacheFile, script) {
  try {
    const temporary = `${cacheFile}.${process.pid}`
    writeFileSync(temporary, script.createCachedData())
    renameSync(temporary, cacheFile)
  } catch {
    // A read-only installation works without the cache.
  }
}
