import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { basename, join, relative } from 'node:path'
import { mustRun } from './command.ts'
import { publicPackages, ROOT, type Manifest } from './public-packages.ts'

const PACK_TIMEOUT_MS = 120_000

export interface PackedFile {
  /** Below the package's folder, with slashes. */
  readonly path: string
  readonly bytes: number
}

export interface PackedPackage {
  readonly short: string
  readonly name: string
  /** The tarball's path. */
  readonly tarball: string
  /** As published: `workspace:` and `catalog:` are replaced by ranges. */
  readonly manifest: Manifest
  readonly files: readonly PackedFile[]
  /** The tarball unpacked, a folder. */
  readonly unpacked: string
  readonly packedBytes: number
  readonly unpackedBytes: number
  /** As a registry states it. */
  readonly integrity: string
}

/**
 * Packs all public packages of a built checkout into a folder, as `pnpm publish` would. What a former build left in a `dist` and no
 * source gives any more is deleted first.
 */
export async function packAll(into: string, root: string = ROOT): Promise<readonly PackedPackage[]> {
  const [program = 'pnpm', ...first] = JSON.parse(process.env['STARLING_PNPM'] ?? '["pnpm"]') as string[]
  mkdirSync(into, { recursive: true })
  for (const { folder } of publicPackages(root)) deleteStale(folder)
  const args = ['-r', '--filter', './packages/*', 'pack', '--pack-destination', into, '--json']
  await mustRun('pnpm pack', program, [...first, ...args], { cwd: root, timeoutMs: PACK_TIMEOUT_MS })
  return await readTarballs(into, join(into, 'unpacked'))
}

/** Reads the packed packages of a folder, by name, and unpacks each below another one. */
export async function readTarballs(folder: string, into: string): Promise<readonly PackedPackage[]> {
  const tarballs = readdirSync(folder).filter(file => file.endsWith('.tgz'))
  return await Promise.all(tarballs.sort().map(async file => await readTarball(join(folder, file), into)))
}

async function readTarball(tarball: string, into: string): Promise<PackedPackage> {
  const parent = join(into, basename(tarball, '.tgz'))
  mkdirSync(parent, { recursive: true })
  // Relative paths: a colon in a path means another host to some versions of tar.
  const args = ['-xzf', relative(parent, tarball)]
  await mustRun(`unpacking ${tarball}`, 'tar', args, { cwd: parent, timeoutMs: PACK_TIMEOUT_MS })
  const unpacked = join(parent, 'package')
  const files = filesBelow(unpacked)
  const bytes = readFileSync(tarball)
  const manifest = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8')) as Manifest
  return {
    short: manifest.name.slice(manifest.name.indexOf('/') + 1),
    name: manifest.name,
    tarball,
    manifest,
    files,
    unpacked,
    packedBytes: bytes.length,
    unpackedBytes: files.reduce((sum, file) => sum + file.bytes, 0),
    integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`
  }
}

function filesBelow(folder: string): readonly PackedFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => {
      const path = join(entry.parentPath, entry.name)
      return { path: relative(folder, path).replaceAll('\\', '/'), bytes: statSync(path).size }
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** A build does not delete what a deleted source once gave, and `files` names the whole folder. */
function deleteStale(folder: string): void {
  const dist = join(folder, 'dist')
  if (!existsSync(dist)) throw new Error(`${folder} is not built: run "npm run setup" first.`)
  for (const { path } of filesBelow(dist)) {
    const source = /^(?<stem>.+?)(?:\.js|\.d\.ts)(?:\.map)?$/u.exec(path)?.groups?.['stem']
    if (source !== undefined && !existsSync(join(folder, 'src', `${source}.ts`))) rmSync(join(dist, path))
  }
}
