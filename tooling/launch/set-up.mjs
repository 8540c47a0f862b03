// The second step of every root script, on a Node that fits: bring the pinned pnpm where it is missing, install, build what
// changed, then run the program asked for. Everything it does is done once; the second time it only compares two stamps.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const stamps = join(root, 'node_modules', '.starling')
const windows = process.platform === 'win32'

/** The programs behind the root scripts. */
const programs = {
  bench: 'tooling/bench/dist/main.js',
  'check:install': 'tooling/release/dist/check-install.js',
  'check:mixed': 'tooling/release/dist/check-mixed.js',
  demo: 'apps/demo/dist/demo.js',
  freeze: 'tooling/release/dist/freeze.js',
  mutants: 'tooling/mutation/run.mjs',
  node: 'apps/demo/dist/node.js',
  release: 'tooling/release/dist/release.js',
  sim: 'tooling/scenarios/dist/main.js',
  'sim:nightly': 'tooling/release/dist/nightly.js',
  starling: 'apps/demo/dist/starling.js',
  test: 'tooling/launch/test.mjs',
  'test:deep': 'tooling/launch/test-deep.mjs'
}

const [command = 'setup', ...args] = process.argv.slice(2)
if (command !== 'setup' && !Object.hasOwn(programs, command)) {
  console.error(`Unknown command "${command}": use ${Object.keys(programs).join(', ')} or setup.`)
  process.exit(2)
}

const env = {
  ...process.env,
  // The Node that runs this step runs everything below it, also where a script says just "node".
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
  npm_config_update_notifier: 'false'
}

const pinned = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager.split('@')[1]
const pnpm = findPnpm()

// The libraries that the benchmarks compare with are many and large, so only the benchmarks install them. What they have
// installed and built serves every other command too.
if (command === 'bench') {
  const title = 'Installing dependencies and the libraries to compare with'
  await once(['install-bench'], installInputs, title, ['install', '--frozen-lockfile'])
  await once(['build-bench'], buildInputs, 'Building', ['run', 'build'])
} else {
  const others = '--filter=!@starling/bench'
  await once(['install', 'install-bench'], installInputs, 'Installing dependencies', [
    'install',
    '--frozen-lockfile',
    others
  ])
  await once(['build', 'build-bench'], buildInputs, 'Building', ['run', 'build', others])
}

if (command !== 'setup') {
  const child = spawn(process.execPath, [join(root, programs[command]), ...args], {
    stdio: 'inherit',
    env: { ...env, STARLING_PNPM: JSON.stringify(pnpm) }
  })
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)))
}

/** The pnpm on the path if its major version is the pinned one's, else the pinned one through npx. */
function findPnpm() {
  // Asked outside the project: inside it, a pnpm of another version would replace itself first.
  const found = spawnSync('pnpm', ['--version'], { cwd: tmpdir(), env, encoding: 'utf8', shell: windows })
  const fits = found.status === 0 && found.stdout.trim().split('.')[0] === pinned.split('.')[0]
  return fits ? ['pnpm'] : ['npx', '--yes', `--package=pnpm@${pinned}`, '--', 'pnpm']
}

/**
 * Runs a pnpm command unless one of the stamps says that its inputs are those of the last success. The first stamp is this
 * command's own.
 */
async function once(names, inputs, title, pnpmArgs) {
  const files = names.map(name => join(stamps, name))
  const current = inputs()
  if (files.some(file => existsSync(file) && readFileSync(file, 'utf8') === current)) return
  const startedMs = performance.now()
  process.stderr.write(`${title}…\n`)
  const [program, ...first] = pnpm
  // Set-up noise belongs on standard error: standard output is the program's own.
  const child = spawn(program, [...first, ...pnpmArgs], {
    cwd: root,
    // A pnpm without a terminal asks nothing only where it believes it is in CI.
    env: { ...env, CI: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: windows
  })
  let output = ''
  child.stdout.on('data', chunk => (output += chunk))
  child.stderr.on('data', chunk => (output += chunk))
  const code = await new Promise(resolve => {
    child.on('error', error => resolve(error.message))
    child.on('close', resolve)
  })
  if (code !== 0) {
    process.stderr.write(`${output}\n${title} failed (${code}): the output above says why.\n`)
    process.exit(2)
  }
  mkdirSync(stamps, { recursive: true })
  writeFileSync(files[0], inputs())
  process.stderr.write(`${title}: done in ${((performance.now() - startedMs) / 1000).toFixed(1)} s\n`)
}

function installInputs() {
  const manifests = workspaceFolders().map(folder => join(folder, 'package.json'))
  return digest(
    ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', ...manifests],
    process.versions.modules
  )
}

function buildInputs() {
  const files = workspaceFolders().flatMap(folder => [
    ...(existsSync(join(root, folder, 'tsconfig.json')) ? [join(folder, 'tsconfig.json')] : []),
    ...sources(join(folder, 'src')),
    ...sources(join(folder, 'web/src'))
  ])
  const outputs = workspaceFolders().filter(folder => existsSync(join(root, folder, 'dist')))
  return digest(['pnpm-lock.yaml', 'turbo.json', ...files, ...sources('tooling/tsconfig')], outputs.join())
}

function workspaceFolders() {
  return ['packages', 'apps', 'tooling'].flatMap(group =>
    readdirSync(join(root, group))
      .map(name => join(group, name))
      .filter(folder => existsSync(join(root, folder, 'package.json')))
  )
}

function sources(folder) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(root, join(entry.parentPath, entry.name)))
    .sort()
}

function digest(files, extra) {
  const hash = createHash('sha256').update(extra)
  for (const file of files) hash.update(file).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}
