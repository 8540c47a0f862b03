import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createNode } from '../src/index.ts'
import { encodePeers, readPeersFile } from '../src/peers-file.ts'

// Goal: docs/wire/data-folder.md tells the truth. Method: its files are put into a folder and read, and written again.

const page = readFileSync(join(import.meta.dirname, '../../../docs/wire/data-folder.md'), 'utf8')
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-folder-page-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

test('the identity of docs/wire/data-folder.md is the peer that the page says', async () => {
  const { bytes, id } = /identity {2}(?<bytes>[0-9a-f ]+)\npeer id {3}(?<id>\w+)/u.exec(page)?.groups ?? {}
  writeFileSync(join(folder, 'identity'), Buffer.from(bytes?.replaceAll(' ', '') ?? '', 'hex'))
  const node = await createNode({ dataDir: folder, cluster: { name: 'page', open: true } })
  expect(node.id).toBe(id)
  await node.stop()
})

test('the peers of docs/wire/data-folder.md are read, and written as they stand', async () => {
  const text = /```json\n(?<json>[\s\S]*?)```/u.exec(page)?.groups?.['json'] ?? ''
  const file = join(folder, 'peers')
  writeFileSync(file, text)
  const peers = await readPeersFile(file)
  expect(peers).toHaveLength(1)
  expect(encodePeers(peers)).toBe(text)
})
