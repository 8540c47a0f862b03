import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import { findChromium } from '../../../../tooling/launch/chromium.mjs'

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // So that a page can be asked how much it holds after a collection.
  '--js-flags=--expose-gc',
  '--enable-precise-memory-info'
]

export interface Browsing {
  /** Opens an address in a tab of its own; what the page logs as an error fails the test that asks for `faults`. */
  open(url: string, viewport?: { width: number; height: number }): Promise<Page>
  /** Errors and refused resources of all pages so far. */
  readonly faults: readonly string[]
  readonly context: BrowserContext
}

/** The system's Chromium with an empty profile, for the tests of one file. */
export function useBrowser(): Browsing {
  const profile = mkdtempSync(join(tmpdir(), 'starling-browser-'))
  const faults: string[] = []
  let context: BrowserContext | undefined

  beforeAll(async () => {
    context = await chromium.launchPersistentContext(profile, {
      executablePath: findChromium() ?? 'chromium',
      args: ARGUMENTS,
      viewport: { width: 1280, height: 900 },
      locale: 'en-GB'
    })
  })
  afterAll(async () => {
    await context?.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  })

  const current = (): BrowserContext => {
    if (context === undefined) throw new Error('The browser runs only while tests run.')
    return context
  }
  return {
    faults,
    get context() {
      return current()
    },
    async open(url, viewport) {
      const page = await current().newPage()
      if (viewport !== undefined) await page.setViewportSize(viewport)
      page.on('pageerror', error => faults.push(error.message))
      page.on('console', message => {
        // A stream that is cut is logged by the browser, and is what some tests are about.
        if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
          faults.push(message.text())
      })
      await page.goto(url)
      return page
    }
  }
}
