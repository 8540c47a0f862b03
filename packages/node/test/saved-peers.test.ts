import type { Contact, Gossip, JoinOptions, Topic } from '@starling/gossip'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encodePeers, readPeersFile } from '../src/peers-file.ts'
import { SavedPeers } from '../src/saved-peers.ts'

const ID = '12D3KooWGC9LnUyrD9Rc5ZmBsyCSbqkMPVmFJJbrvnqN3bpV4Tb'
const id = (index: number): string => `${ID}${'ABCDEFGHJKLMNPQRSTUVWXYZ'[index] ?? '1'}`
const contact = (index: number, port = 1): Contact => ({
  peer: id(index),
  addresses: [`/ip4/127.0.0.1/udp/${port}/quic-v1`]
})
let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-peers-'))
  file = join(folder, 'peers')
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** Timers that run when the test says so. */
class HandTimers {
  readonly #tasks = new Set<() => void>()

  schedule(_delayMs: number, task: () => void): { cancel(): void } {
    this.#tasks.add(task)
    return { cancel: () => void this.#tasks.delete(task) }
  }

  get size(): number {
    return this.#tasks.size
  }

  run(): void {
    for (const task of [...this.#tasks]) {
      this.#tasks.delete(task)
      task()
    }
  }
}

/** Swarms that know what the test says, and remember what they were given. */
class FakeGossip {
  readonly joined: { readonly name: string; readonly options: JoinOptions }[] = []
  readonly knows = new Map<string, readonly Contact[]>()

  join(name: string, options: JoinOptions): Topic {
    this.joined.push({ name, options })
    return {
      name,
      savedPeers: () => [...(this.knows.get(name) ?? [])],
      leave: () => Promise.resolve()
    } as unknown as Topic
  }
}

function world() {
  const gossip = new FakeGossip()
  const timers = new HandTimers()
  const warnings: Error[] = []
  const open = (): Promise<SavedPeers> =>
    SavedPeers.open({
      file,
      gossip: gossip as unknown as Gossip,
      timers,
      onWarning: warning => warnings.push(warning)
    })
  return { gossip, timers, warnings, open }
}

describe('saved peers', () => {
  test('are what the swarms know at the end, and every swarm of the next start begins with them', async () => {
    const { gossip, timers, warnings, open } = world()
    const first = await open()
    first.join('a', { contacts: [contact(9)] })
    first.join('b', { contacts: [] })
    gossip.knows.set('a', [contact(1), contact(2)])
    gossip.knows.set('b', [contact(3), contact(1, 2)])
    await first.close()
    expect(timers.size).toBe(0)
    expect(readdirSync(folder)).toEqual(['peers'])
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o077).toBe(0)

    const second = await open()
    second.join('c', { contacts: [contact(9)] })
    const both = { peer: id(1), addresses: [...contact(1).addresses, ...contact(1, 2).addresses] }
    expect(gossip.joined.at(-1)).toEqual({
      name: 'c',
      options: { contacts: [contact(9)], saved: [both, contact(3), contact(2)] }
    })
    await second.close()
    expect(warnings).toEqual([])
  })

  test('are written at each interval in which they have changed, and not otherwise', async () => {
    const { gossip, timers, open } = world()
    const saved = await open()
    saved.join('a', { contacts: [] })
    gossip.knows.set('a', [contact(1)])
    const written = async (): Promise<string | undefined> => {
      timers.run()
      await saved.settled()
      const text = readdirSync(folder).includes('peers') ? readFileSync(file, 'utf8') : undefined
      rmSync(file, { force: true })
      return text
    }
    expect(await written()).toContain(id(1))
    expect(await written()).toBeUndefined()
    gossip.knows.set('a', [contact(2)])
    expect(await written()).toContain(id(2))
    await saved.close()
  })

  test('stay as they are while no swarm is joined, and after the last was left', async () => {
    writeFileSync(file, encodePeers([contact(1)]))
    const { gossip, open } = world()
    const saved = await open()
    await saved.close()
    expect(await readPeersFile(file)).toEqual([contact(1)])
    const again = await open()
    const topic = again.join('a', { contacts: [] })
    gossip.knows.set('a', [contact(2)])
    await topic.leave()
    gossip.knows.set('a', [])
    await again.close()
    expect(await readPeersFile(file)).toEqual([contact(2)])
  })

  test.each([
    ['nothing', ''],
    ['half of it', encodePeers([contact(1)]).slice(0, 40)],
    ['another version', '{"version":2,"peers":[]}'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a peer without addresses', `{"version":1,"peers":[{"peer":"${id(1)}"}]}`],
    ['a peer that is none', '{"version":1,"peers":[{"peer":"x","addresses":[]}]}'],
    ['an address that is none', `{"version":1,"peers":[{"peer":"${id(1)}","addresses":["x"]}]}`],
    [
      'nine addresses',
      `{"version":1,"peers":[{"peer":"${id(1)}","addresses":${JSON.stringify(Array(9).fill('/x'))}}]}`
    ],
    ['too many peers', JSON.stringify({ version: 1, peers: Array(257).fill(contact(1)) })],
    ['two megabytes', 'x'.repeat(2_000_000)]
  ])('a file that holds %s is reported, ignored, and replaced', async (_, text) => {
    writeFileSync(file, text)
    const { gossip, warnings, open } = world()
    const saved = await open()
    expect(warnings).toMatchObject([{ name: 'SavedPeersError', file }])
    saved.join('a', { contacts: [] })
    expect(gossip.joined.at(-1)?.options.saved).toEqual([])
    gossip.knows.set('a', [contact(1)])
    await saved.close()
    expect(await readPeersFile(file)).toEqual([contact(1)])
  })

  test('that cannot be written are a warning, and are tried again', async () => {
    // A folder in the place of the file to be written first.
    mkdirSync(`${file}.new`)
    const { gossip, timers, warnings, open } = world()
    const saved = await open()
    saved.join('a', { contacts: [] })
    gossip.knows.set('a', [contact(1)])
    timers.run()
    await saved.settled()
    expect(warnings).toMatchObject([
      { name: 'SavedPeersError', message: expect.stringMatching(/cannot be written/u) }
    ])
    rmSync(`${file}.new`, { recursive: true })
    await saved.close()
    expect(await readPeersFile(file)).toEqual([contact(1)])
  })

  test('are bounded, and what other peers claim can always be read again', async () => {
    const nasty = ['', '/', 'x', '/a b', '/"', '/\\', '/\n', `/${'x'.repeat(256)}`, '/\u2028', '/ok']
    const claims = Array.from({ length: 1_000 }, (_, index) => ({
      peer:
        index % 7 === 0
          ? `nonsense ${index}`
          : `${ID.slice(0, 40)}${String(index).replaceAll('0', 'A')}xxxxxxxx`,
      addresses: index % 5 === 0 ? [] : [...nasty, ...Array.from({ length: 20 }, () => `/${'y'.repeat(200)}`)]
    }))
    writeFileSync(file, encodePeers(claims))
    const read = await readPeersFile(file)
    expect(read).toHaveLength(256)
    for (const { addresses } of read) {
      expect(addresses).toHaveLength(8)
      expect(addresses[0]).toBe('/ok')
    }
  })
})
