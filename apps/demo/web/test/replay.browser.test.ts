import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { DOTS_MAX, LOG_LINES_MAX, PLOT_SAMPLES_MAX } from '../src/config.ts'
import { useBrowser } from './browser.ts'
import { FakeCluster } from './fake-cluster.ts'
import { FakeServer } from './fake-server.ts'

const HOUR_S = 3_600
const browsing = useBrowser()

test('an hour of events, replayed much faster than in five minutes, leaves the page as large as it was', async () => {
  const cluster = new FakeCluster(5)
  const server = new FakeServer(cluster)
  const page = await browsing.open(await server.listen())
  await page.getByText('Converged').first().waitFor()
  const session = await browsing.context.newCDPSession(page)

  const size = async (): Promise<{ nodes: number; listeners: number; heapBytes: number }> => {
    await session.send('HeapProfiler.collectGarbage')
    const { jsEventListeners } = await session.send('Memory.getDOMCounters')
    const { usedSize } = await session.send('Runtime.getHeapUsage')
    const nodes = (await page.evaluate('document.getElementsByTagName("*").length')) as number
    return { nodes, listeners: jsEventListeners, heapBytes: usedSize }
  }
  const replay = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) {
      const n = Math.round(cluster.nowMs / 1_000)
      for (let w = 0; w < 4; w++) cluster.write(w, `key-${(n * 4 + w) % 2_000}`, { n, w })
      cluster.say(`node-${n % 5}`, 'test', `line ${n}`)
      if (n % 60 === 0) cluster.act(4, 'kill')
      if (n % 60 === 20) cluster.act(4, 'restart')
      cluster.advance()
      await setImmediate()
      // The page is slower than this loop: what it has not taken yet must not pile up in between.
      if (i % 200 === 0) await page.locator('.log li').getByText(`line ${n}`, { exact: true }).waitFor()
    }
    await page
      .locator('.log li')
      .getByText(`line ${Math.round(cluster.nowMs / 1_000) - 1}`, { exact: true })
      .waitFor()
  }

  await replay(PLOT_SAMPLES_MAX + 100)
  const before = await size()
  await replay(HOUR_S - PLOT_SAMPLES_MAX - 100)
  const after = await size()

  expect(await page.locator('.log li').count()).toBe(LOG_LINES_MAX)
  expect(await page.locator('.dots circle').count()).toBeLessThanOrEqual(DOTS_MAX)
  // A conflict more or a notice less, but no growth.
  expect(Math.abs(after.nodes - before.nodes)).toBeLessThan(DOTS_MAX + 100)
  expect(after.listeners).toBeLessThan(before.listeners + 50)
  expect(after.heapBytes).toBeLessThan(before.heapBytes * 1.2 + 1_000_000)
  expect(browsing.faults).toEqual([])
  await page.close()
  await server.close()
})
