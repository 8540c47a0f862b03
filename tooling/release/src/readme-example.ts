import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ReadmeExample {
  /** The packages that the README's "Install" section tells to install. */
  readonly installs: readonly string[]
  /** The first `ts` block under "Usage". */
  readonly code: string
  /** Packages that the example imports and the "Install" section does not name. */
  readonly unnamed: readonly string[]
}

/** Reads what a package's README tells a newcomer to do. Throws when it does not say. */
export function readExample(folder: string): ReadmeExample {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8')
  const installs = section(readme, 'Install')
    .split('\n')
    .filter(line => line.startsWith('npm install '))
    .flatMap(line => line.split(/\s+/u).slice(2))
    .filter(word => !word.startsWith('-'))
  const code = /```ts\n(?<code>[\s\S]*?)```/u.exec(section(readme, 'Usage'))?.groups?.['code'] ?? ''
  if (installs.length === 0) throw new Error(`${folder}/README.md has no "npm install" line under Install`)
  if (code === '') throw new Error(`${folder}/README.md has no ts block under Usage`)
  const imported = [...code.matchAll(/from '(?<name>(?:@[^/']+\/)?[^/']+)[^']*'/gu)]
    .map(match => match.groups?.['name'] ?? '')
    .filter(name => !name.startsWith('node:'))
  return { installs, code, unnamed: [...new Set(imported)].filter(name => !installs.includes(name)) }
}

function section(readme: string, title: string): string {
  return readme.split(/^## /mu).find(each => each.startsWith(title)) ?? ''
}
