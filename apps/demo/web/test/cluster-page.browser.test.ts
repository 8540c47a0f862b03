import type { Page } from 'playwright-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { useBrowser } from './browser.ts'
import { FakeCluster } from './fake-cluster.ts'
import { FakeServer, problem } from './fake-server.ts'

const browsing = useBrowser()
let cluster: FakeCluster
let server: FakeServer
let url: string
let page: Page

beforeEach(async () => {
  cluster = new FakeCluster(4)
  server = new FakeServer(cluster)
  url = await server.listen()
  page = await browsing.open(url)
  await page.getByText('Converged: all 4 running nodes hold the same').waitFor()
})
afterEach(async () => {
  await page.close()
  await server.close()
  // Neither an error nor anything the content security policy forbids.
  expect(browsing.faults).toEqual([])
})

test('the picture names its nodes, links, writes and failures', async () => {
  expect(await page.locator('.graph .name').allTextContents()).toEqual([
    'node-0',
    'node-1',
    'node-2',
    'node-3'
  ])
  expect(await page.locator('.graph .link.eager').count()).toBe(4)
  expect(await page.locator('.graph .link.lazy').count()).toBe(2)
  const legend = await page.getByRole('group', { name: 'Legend' }).textContent()
  for (const word of [
    'node',
    'joining',
    'paused',
    'killed',
    'stopped',
    'eager',
    'lazy',
    'broken link',
    'new write',
    'write on its way'
  ])
    expect(legend).toContain(word)
  expect(await page.getByRole('img', { name: '4 nodes: 4 running. 6 links, 4 of them eager.' }).count()).toBe(
    1
  )
})

test('a write travels along the links as dots', async () => {
  cluster.write(0, 'k', 1)
  cluster.advance()
  await page.locator('.dots .ring[visibility=visible]').first().waitFor()
  await page.locator('.dots .dot[visibility=visible]').first().waitFor()
  await expect.poll(() => page.locator('.dots [visibility=visible]').count(), { timeout: 15_000 }).toBe(0)
})

test('killed, paused, stopped and joining nodes have shapes and words of their own', async () => {
  await page.getByRole('button', { name: 'Kill node-0' }).click()
  await page.locator('.graph .node.killed path.shape').waitFor()
  await page.getByRole('button', { name: 'Pause node-1' }).click()
  await page.locator('.graph .node.paused rect.shape').waitFor()
  await page.getByRole('button', { name: 'Stop node-2' }).click()
  await page.locator('.graph .node.stopped rect.shape').waitFor()
  await page.getByRole('button', { name: 'Restart node-0' }).click()
  await page.locator('.graph .node.starting').waitFor()
  expect(await page.locator('.graph .note').allTextContents()).toEqual(['joining', 'paused', 'stopped', ''])
  expect(server.requests).toEqual([
    'POST /api/v1/cluster/nodes/0/kill',
    'POST /api/v1/cluster/nodes/1/pause',
    'POST /api/v1/cluster/nodes/2/stop',
    'POST /api/v1/cluster/nodes/0/restart'
  ])
  cluster.advance()
  await page.getByText('both running nodes hold the same').waitFor()
})

test('the focus stays on a button that changes its meaning, and comes back from a dialogue', async () => {
  await page.getByRole('button', { name: 'Kill node-3' }).press('Enter')
  await page.getByRole('button', { name: 'Restart node-3' }).waitFor()
  expect(await page.evaluate('document.activeElement.ariaLabel')).toBe('Restart node-3')

  const opener = page.getByRole('button', { name: 'Split…' })
  await opener.press('Enter')
  await page.getByRole('dialog', { name: 'Split the cluster in two' }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect(await page.evaluate('document.activeElement.textContent')).toBe('Split…')
})

test('a split is chosen, shown, and healed', async () => {
  await page.getByRole('button', { name: 'Split…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('node-1').uncheck()
  await dialog.getByText('First side: node-0. Second side: node-1, node-2, node-3.').waitFor()
  await dialog.getByLabel('node-0').uncheck()
  await dialog.getByText('Each side needs at least one node.').waitFor()
  await dialog.getByLabel('node-2').check()
  await dialog.getByRole('button', { name: 'Split' }).click()
  await page.getByText('split: nothing crosses').waitFor()
  cluster.write(2, 'k', 'alone')
  for (let i = 0; i < 3; i++) cluster.advance()
  await page.getByText('Split in two: 1 of 4 running nodes differs').waitFor()
  await page.getByText('side B, differs').or(page.getByText('side A, differs')).first().waitFor()
  await page.getByRole('button', { name: 'Heal the split' }).click()
  await page.getByText('Converged: all 4 running nodes hold the same').waitFor()
  expect(await page.getByText('split: nothing crosses').count()).toBe(0)
})

test('a node that is added joins and runs', async () => {
  await page.getByRole('button', { name: 'Add a node' }).click()
  cluster.announce()
  await page.locator('.graph .node.starting').getByText('node-4').waitFor()
  cluster.advance()
  await page.getByText('Converged: all 5 running nodes hold the same').waitFor()
})

test('everything is reached by keyboard, in the order it is read, with a focus that is seen', async () => {
  await page.keyboard.press('Tab')
  expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
  await page.keyboard.press('Enter')
  expect(await page.evaluate('document.activeElement.id')).toBe('main')
  const reached: unknown[] = []
  for (let i = 0; i < 8; i++) {
    await page.keyboard.press('Tab')
    reached.push(
      await page.evaluate('document.activeElement.ariaLabel ?? document.activeElement.textContent')
    )
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')
  }
  expect(reached).toEqual([
    'Split…',
    'Add a node',
    'Kill node-0',
    'Pause node-0',
    'Stop node-0',
    'Kill node-1',
    'Pause node-1',
    'Stop node-1'
  ])
})

test('what the API refuses is said as its sentence, and can be dismissed', async () => {
  server.refusal = problem(409, 'The cluster is closing: nothing can be started.')
  await page.getByRole('button', { name: 'Add a node' }).click()
  await page.getByText('The cluster is closing: nothing can be started.').waitFor()
  await page.getByRole('button', { name: 'Dismiss' }).click()
  await expect.poll(() => page.locator('.notice').count()).toBe(0)
})

test('a lost connection is said, what is shown is marked as old, and it comes back by itself', async () => {
  const port = Number(new URL(url).port)
  await server.close()
  await page.getByText('Connection lost. What you see is old.').waitFor()
  await page.locator('main.old').waitFor()
  cluster.say('node-0', 'test', 'while nobody listened')
  await server.listenAt(port)
  await page.getByText('Live', { exact: true }).waitFor({ timeout: 30_000 })
  expect(await page.locator('main.old').count()).toBe(0)
  cluster.say('node-0', 'test', 'heard again')
  await page.getByText('heard again').waitFor()
  // What the server tells again is shown once.
  expect(await page.locator('.log li').count()).toBe(cluster.lines.length)
  await page.getByText('while nobody listened').waitFor()
})

test('a cluster without nodes says what to do', async () => {
  const empty = new FakeServer(new FakeCluster(0))
  const other = await browsing.open(await empty.listen())
  await other.getByText('No node is running').waitFor()
  expect(await other.getByText('No nodes yet: add one.').count()).toBe(2)
  await other.close()
  await empty.close()
})
