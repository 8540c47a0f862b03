import { existsSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'
import { anchors, links, pages, readPage, ROOT } from './support/markdown.ts'

// Goal: no reader meets a dead end. Method: every relative link of every page is followed, to the file and to the heading; and
// from the README every page of the documentation can be reached.

interface Target {
  readonly page: string
  readonly link: string
  /** Below the root. */
  readonly file: string
  readonly anchor: string | undefined
}

function targets(page: string): Target[] {
  return links(readPage(page))
    .filter(link => !/^[a-z]+:/u.test(link))
    .map(link => {
      const [path = '', anchor] = link.split('#')
      const file = path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)))
      return { page, link, file, anchor }
    })
}

const all = pages().flatMap(targets)

/** A folder stands for the page that GitHub shows in it. */
function pageOf(file: string): string {
  const path = join(ROOT, file)
  return existsSync(path) && statSync(path).isDirectory() ? join(file, 'README.md') : file
}

describe('links', () => {
  test('each relative link points at a file that is there', () => {
    expect(all.length).toBeGreaterThan(100)
    const dead = all.filter(({ file }) => file.startsWith('..') || !existsSync(join(ROOT, file)))
    expect(dead.map(({ page, link }) => `${page}: ${link}`)).toEqual([])
  })

  test('each anchor is a heading of its page', () => {
    const wrong = all.filter(({ file, anchor }) => {
      if (anchor === undefined || !pageOf(file).endsWith('.md')) return false
      return !anchors(readPage(pageOf(file))).has(anchor)
    })
    expect(wrong.map(({ page, link }) => `${page}: ${link}`)).toEqual([])
  })

  test('from the README every page of the documentation and of a package is reached by links', () => {
    const reached = new Set(['README.md'])
    for (const page of reached) {
      for (const { file } of targets(page)) {
        const next = pageOf(file)
        if (next.endsWith('.md') && existsSync(join(ROOT, next))) reached.add(next)
      }
    }
    const found = pages().filter(page => /^(?:docs|packages)\//u.test(page))
    expect(found.filter(page => !reached.has(page))).toEqual([])
  })

  test('nothing links to itself by an address that only the machine of its writer knows', () => {
    const local = pages().filter(page => /\]\((?:file:|\/)/u.test(readPage(page)))
    expect(local).toEqual([])
  })
})
