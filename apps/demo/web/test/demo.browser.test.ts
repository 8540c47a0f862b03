// The pages of a real cluster: processes, QUIC, stores, the server that the demo brings.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { useBrowser } from './browser.ts'

const DEMO = join(import.meta.dirname, '../../dist/demo.js')
const SLOW = { timeout: 60_000 }

const browsing = useBrowser()
let demo: ChildProcess
let cluster: Page

beforeAll(async () => {
  demo = spawn(process.execPath, [DEMO, '--stay', '--json', '--nodes', '3', '--keys', '20'], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let url = ''
  for await (const line of createInterface({ input: demo.stdout as NodeJS.ReadableStream })) {
    const said = JSON.parse(line) as { dashboard?: string; converged?: boolean }
    url = said.dashboard ?? url
    // The story is over; from now on the page decides what happens.
    if (said.converged !== undefined) break
  }
  demo.stdout?.resume()
  cluster = await browsing.open(url)
})
afterAll(async () => {
  demo.kill('SIGINT')
  if (demo.exitCode === null) await once(demo, 'exit')
})

async function openNode(name: string): Promise<Page> {
  const address = await cluster.getByRole('link', { name }).getAttribute('href')
  const page = await browsing.open(address ?? '')
  await page.getByRole('heading', { name: `Node “${name}”` }).waitFor(SLOW)
  return page
}

async function add(page: Page, key: string, value: string): Promise<void> {
  await page.getByRole('button', { name: 'Add an entry' }).click()
  await page.getByLabel('Key', { exact: true }).fill(key)
  await page.getByLabel('Value').fill(value)
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
}

async function edit(page: Page, key: string, value: string): Promise<void> {
  await page.getByRole('button', { name: `Edit ${key}` }).click()
  await page.getByLabel('Value').fill(value)
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
}

test('a write on one node’s page is seen on another node’s', async () => {
  await cluster.getByText('Converged: all 3 running nodes hold the same').waitFor(SLOW)
  const [one, three] = [await openNode('node-1'), await openNode('node-3')]
  await three.getByLabel('Keys beginning with').fill('page/')
  await three.getByText('No key begins like this.').waitFor()
  await one.getByLabel('Keys beginning with').fill('page/')
  await add(one, 'page/written', '{"by":"hand"}')
  await three.getByText('{"by":"hand"}').waitFor(SLOW)
  const version = await one.locator('.version').textContent()
  await edit(one, 'page/written', '{"by":"hand","again":true}')
  await three
    .getByText('{"again":true,"by":"hand"}')
    .or(three.getByText('{"by":"hand","again":true}'))
    .waitFor(SLOW)
  // Both writes are one replica's: what is shown of a version has to be the part that differs.
  expect(await three.locator('.version').textContent()).not.toBe(version)
  await three.getByRole('button', { name: 'Delete page/written' }).click()
  await three.getByText('No key begins like this.').waitFor(SLOW)
  await one.close()
  await three.close()
})

test('a killed node is shown dead, catches up after its restart, and all converge', async () => {
  await cluster.getByRole('button', { name: 'Kill node-2' }).click()
  await cluster.locator('.graph .node.killed').getByText('node-2').waitFor(SLOW)
  const one = await openNode('node-1')
  await add(one, 'page/missed', '"while node-2 was dead"')
  await cluster.getByRole('button', { name: 'Restart node-2' }).click()
  await cluster.locator('.graph .node.running').getByText('node-2').waitFor(SLOW)
  await cluster.getByText('Converged: all 3 running nodes hold the same').waitFor(SLOW)
  await cluster.getByLabel('as held by').selectOption('node-2')
  await cluster.getByLabel('Keys beginning with').fill('page/')
  await cluster.getByText('"while node-2 was dead"').waitFor(SLOW)
  await one.close()
})

test('both sides of a split take writes, and healing keeps both', async () => {
  await cluster.getByRole('button', { name: 'Split…' }).click()
  for (const name of ['node-1', 'node-2', 'node-3'])
    await cluster
      .getByRole('dialog')
      .getByLabel(name)
      .setChecked(name === 'node-1')
  await cluster.getByRole('dialog').getByRole('button', { name: 'Split' }).click()
  await cluster.getByText('split: nothing crosses').waitFor(SLOW)
  const [one, three] = [await openNode('node-1'), await openNode('node-3')]
  await add(one, 'page/both', '"side A"')
  await add(three, 'page/both', '"side B"')
  await cluster.getByText(/Split in two: \d of 3 running nodes differ/).waitFor(SLOW)
  await cluster.getByRole('button', { name: 'Heal the split' }).click()
  await one.getByLabel('Keys beginning with').fill('page/both')
  await one
    .getByRole('row', { name: /page\/both/ })
    .getByText('conflict: 2 values')
    .waitFor(SLOW)
  await cluster.getByText('Converged: all 3 running nodes hold the same').waitFor(SLOW)
  expect(browsing.faults).toEqual([])
})
