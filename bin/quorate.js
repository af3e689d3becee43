#!/usr/bin/env node
// The one entry of the command. It loads the bundle through V8's code cache, which halves the start-up time;
// the cache is made on first use and dropped when the bundle or Node changes.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist')
const file = join(dist, 'quorate.cjs')

let source
try {
  source = readFileSync(file, 'utf8')
} catch {
  console.error('quorate: the package is not built (dist/quorate.cjs is missing); run `make build` first')
  process.exit(1)
}

const cacheFile = join(dist, `quorate.${process.version}.cache`)
let cachedData
try {
  cachedData = readFileSync(cacheFile)
} catch {
  // No cache yet, or not readable: V8 compiles as usual.
}
const wrapped = `(function (exports, require, module, __filename, __dirname) {${source}\n})`
const script = new vm.Script(wrapped, {
  filename: file,
  cachedData,
  importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
})
const module = { exports: {} }
script.runInThisContext()(module.exports, createRequire(file), module, file, dist)

if (!cachedData || script.cachedDataRejected) {
  process.once('exit', () => {
    try {
      const temporary = `${cacheFile}.${process.pid}`
      writeFileSync(temporary, script.createCachedData())
      renameSync(temporary, cacheFile)
    } catch {
      // A read-only installation works without the cache.
    }
  })
}
