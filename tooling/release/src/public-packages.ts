import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What this tooling reads of a package.json. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly engines?: { readonly node: string }
}

export interface PublicPackage {
  /** `hlc` for `@starling/hlc`. */
  readonly short: string
  readonly name: string
  readonly folder: string
  readonly manifest: Manifest
}

/** The repository's root. */
export const ROOT: string = join(import.meta.dirname, '../../..')

/** The packages that are published: those under `packages/` that are not private, by name. */
export function publicPackages(root: string = ROOT): readonly PublicPackage[] {
  return readdirSync(join(root, 'packages'))
    .map(short => ({ short, folder: join(root, 'packages', short) }))
    .filter(({ folder }) => existsSync(join(folder, 'package.json')))
    .map(({ short, folder }) => {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
      return { short, folder, name: manifest.name, manifest }
    })
    .filter(({ manifest }) => manifest.private !== true)
}
