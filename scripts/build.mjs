// Bundles the package: dist/quorate.cjs (the command; CommonJS so that V8's code cache applies) and dist/index.js (the library).
// With --types also dist/types, the library's declarations: only a package that is published or installed needs them.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = new URL('..', import.meta.url).pathname
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))

/** Big JSON parses several times faster as JSON than as a JavaScript literal, and only when it is first used. */
const jsonAsText = {
  name: 'json-as-text',
  setup(builder) {
    builder.onLoad({ filter: /\.json$/ }, (args) => ({
      contents: `module.exports = JSON.parse(${JSON.stringify(JSON.stringify(JSON.parse(readFileSync(args.path, 'utf8'))))})`,
      loader: 'js',
    }))
  },
}

/** How every bundle of this package is made. */
export const bundling = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  // lmdb loads a prebuilt binary beside its own files, so it stays a dependency.
  external: ['lmdb'],
  define: { 'process.env.QUORATE_VERSION': JSON.stringify(version) },
  plugins: [jsonAsText],
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'warning',
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  rmSync(`${root}dist`, { recursive: true, force: true })
  await build({
    ...bundling,
    entryPoints: [`${root}src/cli/main.ts`],
    outfile: `${root}dist/quorate.cjs`,
    format: 'cjs',
    // The whole file is one function, as a CommonJS module is: bin/quorate.js calls it without making another text of it.
    banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
    footer: { js: '})' },
    // A script that comes out of V8's code cache has no callback for import(): what stays outside (lmdb) is required instead.
    supported: { 'dynamic-import': false },
  })
  await build({
    ...bundling,
    entryPoints: [`${root}src/testing/index.ts`],
    outfile: `${root}dist/index.js`,
    format: 'esm',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })
  // The first run makes the code cache, which the first cluster is not to wait for.
  spawnSync(process.execPath, [`${root}bin/quorate.js`, 'version'], { stdio: 'ignore' })
  if (process.argv.includes('--types')) {
    const flags = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--rootDir', 'src', '--outDir', 'dist/types']
    const { status } = spawnSync(`${root}node_modules/.bin/tsc`, ['--project', 'tsconfig.build.json', ...flags], {
      cwd: root,
      stdio: 'inherit',
    })
    if (status !== 0) process.exit(status ?? 1)
  }
}
