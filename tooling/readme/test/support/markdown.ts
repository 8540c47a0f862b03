import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** The repository's root. */
export const ROOT: string = join(import.meta.dirname, '../../../..')

const SKIPPED = new Set(['node_modules', 'dist', 'CHANGELOG.md'])

/** Every page of the repository that people write, below the root, in order. */
export function pages(): string[] {
  const found: string[] = []
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.') || SKIPPED.has(entry.name)) continue
      const path = join(folder, entry.name)
      if (entry.isDirectory()) walk(path)
      else if (entry.name.endsWith('.md')) found.push(relative(ROOT, path))
    }
  }
  walk(ROOT)
  return found.sort()
}

export function readPage(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** A fenced block. `marker` is the word of the HTML comment right above it, if there is one: `<!-- continues -->`. */
export interface Fence {
  readonly language: string
  readonly code: string
  /** The number of its first line of code, from 1. */
  readonly line: number
  readonly marker: string | undefined
}

/** The fenced blocks of a page, in order. */
export function fences(text: string): Fence[] {
  const found: Fence[] = []
  const lines = text.split('\n')
  for (let at = 0; at < lines.length; at++) {
    const fence = /^```(?<language>\w*)\s*$/u.exec(lines[at] ?? '')
    if (fence === null) continue
    const end = lines.indexOf('```', at + 1)
    if (end < 0) throw new Error(`the block at line ${at + 1} does not end`)
    const above = lines.slice(0, at).findLast(line => line.trim() !== '') ?? ''
    found.push({
      language: fence.groups?.['language'] ?? '',
      code: lines.slice(at + 1, end).join('\n'),
      line: at + 2,
      marker: /^<!-- (?<marker>[\w-]+) -->$/u.exec(above)?.groups?.['marker']
    })
    at = end
  }
  return found
}

/** The page with its fenced blocks and code spans blanked, so that what is in them is taken for neither link nor heading. */
export function prose(text: string): string {
  return text
    .replaceAll(/^```[\s\S]*?^```/gmu, block => block.replaceAll(/[^\n]/gu, ''))
    .replaceAll(/`[^`\n]*`/gu, span => span.replaceAll(/[[\]()#]/gu, ' '))
}

/** The anchors that a page's headings give, as GitHub makes them. */
export function anchors(text: string): Set<string> {
  const found = new Map<string, number>()
  const names = new Set<string>()
  const headings = text.replaceAll(/^```[\s\S]*?^```/gmu, '').matchAll(/^#{1,6} (?<title>.+)$/gmu)
  for (const { groups } of headings) {
    const slug = (groups?.['title'] ?? '')
      .replaceAll(/\[(?<text>[^\]]*)\]\([^)]*\)/gu, '$<text>')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/gu, '-')
    const seen = found.get(slug) ?? 0
    found.set(slug, seen + 1)
    names.add(seen === 0 ? slug : `${slug}-${seen}`)
  }
  return names
}

/** Where a page's links and pictures point, as written. */
export function links(text: string): string[] {
  return [...prose(text).matchAll(/\]\((?<target>[^)\s]+)(?: "[^"]*")?\)/gu)].map(
    ({ groups }) => groups?.['target'] ?? ''
  )
}

/** The text of a section, without its heading: up to the next heading of its level or above. */
export function section(text: string, title: string): string {
  const level = new RegExp(`^(?<marks>#+) ${title}$`, 'mu').exec(text)
  if (level === null) return ''
  const rest = text.slice(level.index + level[0].length)
  const next = new RegExp(`^#{1,${level.groups?.['marks']?.length ?? 1}} `, 'mu').exec(rest)
  return next === null ? rest : rest.slice(0, next.index)
}
