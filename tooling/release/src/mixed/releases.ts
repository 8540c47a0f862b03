import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { mustRun, run } from '../command.ts'
import { startRegistry } from '../local-registry.ts'
import { readTarballs, type PackedPackage } from '../pack.ts'
import type { Manifest } from '../public-packages.ts'

const INSTALL_TIMEOUT_MS = 300_000
const QUERY_TIMEOUT_MS = 60_000

/** A project in which one release of `@starling/node` is installed. */
export interface Release {
  /** For people: its version and where it came from. */
  readonly title: string
  readonly project: string
}

/** Installs packed packages in a project below `work`. */
export async function installPacked(
  name: string,
  packed: readonly PackedPackage[],
  work: string
): Promise<Release> {
  const registry = await startRegistry(packed)
  try {
    return await install(name, '@starling/node', `@starling:registry=${registry.url}\n`, work)
  } finally {
    await registry.close()
  }
}

/**
 * Installs what this release is to be mixed with: a version from the registry or a folder of tarballs, if either is named; else the
 * newest version that is published; else, before the first release, this one's own tarballs once more, so that everything but the difference
 * is proven.
 */
export async function installPrevious(
  asked: string | undefined,
  current: readonly PackedPackage[],
  work: string
): Promise<Release> {
  if (asked !== undefined && !/^\d/u.test(asked)) {
    return await installPacked('previous', await readTarballs(resolve(asked), join(work, 'asked')), work)
  }
  const version = asked ?? (await newestPublished(work))
  if (version === undefined) {
    const { title, project } = await installPacked('previous', current, work)
    return { title: `${title}, packed here again: nothing is published yet`, project }
  }
  return await install('previous', `@starling/node@${version}`, '', work)
}

/** The newest version on the registry; `undefined` when there is none yet. */
async function newestPublished(work: string): Promise<string | undefined> {
  const args = ['view', '@starling/node', 'version']
  const { code, stdout, stderr } = await run('npm', args, { cwd: work, timeoutMs: QUERY_TIMEOUT_MS })
  if (code === 0) return stdout.trim()
  if (/E404/u.test(stderr)) return undefined
  throw new Error(`the registry does not say which version is the newest: ${stderr}`)
}

async function install(name: string, wanted: string, npmrc: string, work: string): Promise<Release> {
  const project = join(work, name)
  mkdirSync(project, { recursive: true })
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n')
  writeFileSync(join(project, '.npmrc'), npmrc)
  const args = ['install', '--no-audit', '--no-fund', wanted]
  await mustRun('npm install', 'npm', args, { cwd: project, timeoutMs: INSTALL_TIMEOUT_MS })
  copyFileSync(join(import.meta.dirname, 'mixed-node.js'), join(project, 'mixed-node.js'))
  const manifest = JSON.parse(
    readFileSync(join(project, 'node_modules/@starling/node/package.json'), 'utf8')
  ) as Manifest
  return { title: manifest.version, project }
}
