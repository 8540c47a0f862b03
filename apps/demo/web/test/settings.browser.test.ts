import { afterAll, beforeAll, expect, test } from 'vitest'
import { useBrowser } from './browser.ts'
import { FakeCluster } from './fake-cluster.ts'
import { FakeServer } from './fake-server.ts'

const browsing = useBrowser()
const cluster = new FakeCluster(5)
const server = new FakeServer(cluster)
let urls: string[]

beforeAll(async () => {
  for (let i = 0; i < 40; i++)
    cluster.write(i % 5, `a/rather/long/key/without/any/space/${i}`, 'value'.repeat(60))
  cluster.writeBoth('conflicted', { a: 'x'.repeat(80) }, { b: 'y'.repeat(80) })
  urls = [await server.listen(), await server.listen(0)]
})
afterAll(async () => {
  await server.close()
})

/** Least contrast of all text on the page with the background it stands on, by the formula of WCAG 2. */
const LEAST_CONTRAST = `(() => {
  const parse = text => (text.match(/[\\d.]+/g) ?? []).map(Number)
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor)
      if (colour.length === 3 || colour[3] === 1) return colour
    }
    return [255, 255, 255]
  }
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const element = text.parentElement
    // What cannot be used may be pale.
    if (!text.data.trim() || !element.checkVisibility() || element.closest('[aria-disabled=true], noscript')) continue
    const style = getComputedStyle(element)
    const ink = parse(element.closest('svg') ? style.fill : style.color)
    const [a, b] = [luminance(ink), luminance(behind(element))].sort((x, y) => y - x)
    found.push({ ratio: (a + 0.05) / (b + 0.05), text: text.data })
  }
  return found.sort((a, b) => a.ratio - b.ratio)[0]
})()`

test.each(['light', 'dark'] as const)('text stands out from what is behind it, %s', async colorScheme => {
  for (const url of urls) {
    const page = await browsing.open(url)
    await page.emulateMedia({ colorScheme })
    await page.getByRole('rowheader').first().waitFor()
    await page.getByText('Live', { exact: true }).waitFor()
    const { ratio, text } = (await page.evaluate(LEAST_CONTRAST)) as { ratio: number; text: string }
    expect(ratio, text).toBeGreaterThanOrEqual(4.5)
    await page.close()
  }
})

test('the colours follow the system', async () => {
  const page = await browsing.open(urls[0] ?? '')
  await page.emulateMedia({ colorScheme: 'light' })
  const light = await page.evaluate('getComputedStyle(document.body).backgroundColor')
  await page.emulateMedia({ colorScheme: 'dark' })
  expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).not.toBe(light)
  await page.close()
})

test('nothing is wider than a screen of 375 pixels, and buttons are large enough for a finger', async () => {
  for (const url of urls) {
    const page = await browsing.open(url, { width: 375, height: 812 })
    await page.getByRole('rowheader').first().waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375)
    for (const box of await page.getByRole('button').all())
      expect((await box.boundingBox())?.height ?? 0).toBeGreaterThanOrEqual(30)
    await page.close()
  }
})

test('nothing moves where that is not wanted: a dot stands on its link instead of travelling', async () => {
  const page = await browsing.open(urls[0] ?? '')
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.locator('.graph .name').first().waitFor()
  cluster.write(1, 'k', 1)
  cluster.advance()
  const dot = page.locator('.dots .dot[visibility=visible]').first()
  await dot.waitFor()
  const link = page.locator('.graph .link').first()
  await link.waitFor()
  const places = (await page.evaluate(`(async () => {
    const dot = document.querySelector('.dots .dot[visibility=visible]')
    const places = new Set()
    for (let i = 0; i < 5 && dot.getAttribute('visibility') === 'visible'; i++) {
      places.add(dot.getAttribute('cx') + ' ' + dot.getAttribute('cy'))
      await new Promise(requestAnimationFrame)
    }
    return [...places]
  })()`)) as string[]
  expect(places).toHaveLength(1)
  await page.close()
})

test('every control has a name, and the state is announced', async () => {
  for (const url of urls) {
    const page = await browsing.open(url)
    await page.getByRole('rowheader').first().waitFor()
    const nameless = await page.evaluate(
      `[...document.querySelectorAll('button, input, select, textarea, a')].filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).length`
    )
    expect(nameless).toBe(0)
    expect(await page.locator('.banner [role=status]').count()).toBe(1)
    expect(await page.locator('h1').count()).toBe(1)
    await page.close()
  }
  expect(browsing.faults).toEqual([])
})
