import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { parse } from 'yaml'
import { ROOT } from '../src/public-packages.ts'

interface Lockfile {
  readonly importers: Readonly<Record<string, { readonly dependencies?: Readonly<Record<string, Locked>> }>>
  readonly snapshots: Readonly<Record<string, { readonly dependencies?: Readonly<Record<string, string>> }>>
}

interface Locked {
  readonly version: string
}

const lockfile = parse(readFileSync(join(ROOT, 'pnpm-lock.yaml'), 'utf8')) as Lockfile

/**
 * All packages that come with one, by the lockfile: ours and others', each version counted. Optional ones (a native binary per
 * platform, of which one is installed) are not among them.
 */
export function transitiveDependencies(short: string): ReadonlySet<string> {
  const found = new Set<string>()

  const visitFolder = (folder: string): void => {
    for (const [name, { version }] of Object.entries(lockfile.importers[folder]?.dependencies ?? {})) {
      visit(name, version, folder)
    }
  }
  const visit = (name: string, version: string, folder: string): void => {
    const link = version.startsWith('link:') ? posix.join(folder, version.slice('link:'.length)) : undefined
    const id = link ?? (Object.hasOwn(lockfile.snapshots, version) ? version : `${name}@${version}`)
    if (found.has(id)) return
    found.add(id)
    if (link !== undefined) {
      visitFolder(link)
      return
    }
    const snapshot = lockfile.snapshots[id]
    if (snapshot === undefined) throw new Error(`the lockfile has no snapshot ${id}`)
    for (const [other, at] of Object.entries(snapshot.dependencies ?? {})) visit(other, at, folder)
  }
  visitFolder(`packages/${short}`)
  return found
}
