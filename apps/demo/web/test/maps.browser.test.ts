import type { Page } from 'playwright-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { useBrowser } from './browser.ts'
import { FakeCluster } from './fake-cluster.ts'
import { FakeServer } from './fake-server.ts'

const HOSTILE = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>'

const browsing = useBrowser()
let cluster: FakeCluster
let server: FakeServer
let page: Page
let pages: Page[]

beforeEach(async () => {
  cluster = new FakeCluster(3)
  server = new FakeServer(cluster)
  pages = []
  page = await openNode(0)
})
afterEach(async () => {
  for (const each of pages) await each.close()
  await server.close()
  expect(browsing.faults).toEqual([])
})

async function openNode(index: number): Promise<Page> {
  const opened = await browsing.open(await server.listen(index))
  await opened.getByRole('heading', { name: `Node “node-${index}”` }).waitFor()
  pages.push(opened)
  return opened
}

async function save(key: string, value: string): Promise<void> {
  await page.getByRole('button', { name: 'Add an entry' }).click()
  await page.getByLabel('Key', { exact: true }).fill(key)
  await page.getByLabel('Value').fill(value)
  await page.getByRole('button', { name: 'Save' }).click()
}

test('an entry that is added, edited and deleted on one node’s page is seen on another’s at once', async () => {
  const other = await openNode(1)
  await other.getByText('No entries yet: add one.').waitFor()
  await save('checkout-v2', '{"on":true}')
  await other.getByRole('rowheader', { name: 'checkout-v2' }).waitFor()
  await other.getByText('{"on":true}').waitFor()
  expect(await other.locator('.fresh').count()).toBe(1)

  await page.getByRole('button', { name: 'Edit checkout-v2' }).click()
  await page.getByLabel('Value').fill('plain words')
  await page.getByText('Will be stored as text.').waitFor()
  await page.getByRole('button', { name: 'Save' }).click()
  await other.getByText('"plain words"').waitFor()

  await page.getByRole('button', { name: 'Delete checkout-v2' }).click()
  await other.getByText('No entries yet: add one.').waitFor()
})

test('keys and values are text, never markup', async () => {
  await save(HOSTILE, JSON.stringify({ [HOSTILE]: HOSTILE }))
  await page.getByRole('rowheader').getByText(HOSTILE).waitFor()
  cluster.say(HOSTILE, HOSTILE, HOSTILE)
  await page.locator('.log li').getByText(HOSTILE).first().waitFor()
  await page.getByRole('button', { name: 'Edit' }).click()
  await page.getByRole('dialog').waitFor()
  expect(await page.locator('img').count()).toBe(0)
  expect(await page.locator('body script').count()).toBe(0)
  expect(await page.evaluate('window.broken')).toBe(undefined)
})

test('a conflict shows all values, and one of them settles it', async () => {
  cluster.writeBoth('owner', 'ada', 'grace')
  await page.getByText('conflict: 2 values, written at the same time').waitFor()
  await page.getByRole('button', { name: 'Edit owner' }).click()
  await page.getByRole('button', { name: 'Take this' }).nth(1).click()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('conflict: 2 values').waitFor({ state: 'detached' })
  expect(cluster.members[0]?.entries.get('owner')?.value).toBe('grace')
})

test('somebody else’s change is never written over without asking', async () => {
  cluster.write(0, 'k', 'first')
  await page.getByRole('button', { name: 'Edit k' }).click()
  await page.getByLabel('Value').fill('mine')
  cluster.write(1, 'k', 'theirs')
  await page.getByText('Meanwhile it was changed to').waitFor()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Somebody changed this entry meanwhile').waitFor()
  expect(cluster.members[0]?.entries.get('k')?.value).toBe('theirs')
  await page.getByRole('button', { name: 'Write over it' }).click()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect(cluster.members[0]?.entries.get('k')?.value).toBe('mine')
})

test('a key that exists is not replaced by adding it', async () => {
  cluster.write(0, 'k', 'kept')
  await save('k', 'new')
  await page.getByText('There is an entry with this key already: edit that one.').waitFor()
  expect(cluster.members[0]?.entries.get('k')?.value).toBe('kept')
})

test('a mistake in a value is named, and nothing is sent', async () => {
  await save('k', '{"a":')
  await page.getByText('This is not complete JSON').waitFor()
  expect(server.requests).toEqual([])
})

test('a thousand entries are paged and searched', async () => {
  for (let i = 0; i < 1_000; i++) cluster.write(0, `key-${String(i).padStart(4, '0')}`, i)
  await page.getByText('1,000 entries').first().waitFor()
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByRole('rowheader', { name: 'key-0012' }).waitFor()
  expect(await page.locator('.maps tbody tr').count()).toBe(12)
  await page.getByRole('button', { name: 'Previous' }).click()
  await page.getByRole('rowheader', { name: 'key-0000' }).waitFor()
  await page.getByLabel('Keys beginning with').fill('key-077')
  await page.getByRole('rowheader', { name: 'key-0779' }).waitFor()
  expect(await page.locator('.maps tbody tr').count()).toBe(10)
  await page.getByLabel('Keys beginning with').fill('nothing')
  await page.getByText('No key begins like this.').waitFor()
})

test('the cluster’s page shows and changes what a chosen node holds', async () => {
  const whole = await browsing.open(await server.listen())
  pages.push(whole)
  cluster.split([2])
  cluster.write(2, 'only-there', 1)
  await whole.getByLabel('as held by').selectOption('node-2')
  await whole.getByRole('rowheader', { name: 'only-there' }).waitFor()
  await whole.getByLabel('as held by').selectOption('node-1')
  await whole.getByText('No entries yet: add one.').waitFor()
  await whole.getByLabel('as held by').selectOption('node-2')
  await whole.getByRole('button', { name: 'Delete only-there' }).click()
  await whole.getByText('No entries yet: add one.').waitFor()
  expect(server.requests).toEqual(['DELETE /api/v1/cluster/nodes/2/api/maps/flags/entries/only-there'])
})

test('a node tells everything about itself when asked', async () => {
  await page.getByText('Everything this node tells about itself').click()
  await page.locator('pre').getByText('12D3KooWFake0000').waitFor()
})
