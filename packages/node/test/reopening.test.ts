import { createMemoryStore, type Store } from '@starling/log'
import { systemPorts } from '@starling/ports/system'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HostedMaps, type HostedMapsComponents } from '../src/hosted-maps.ts'
import { createNode, type NodeInit, type StarlingNode } from '../src/index.ts'

// Goal: a name can be opened again whatever its last map is doing, and nothing of a failed opening is left behind.

const cluster = { name: 'test', secret: 'a secret of some length' }
let folder: string
const nodes: StarlingNode[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-node-'))
})

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(node => node.stop()))
  rmSync(folder, { recursive: true, force: true })
})

async function start(init: Partial<NodeInit> = {}): Promise<StarlingNode> {
  const node = await createNode({ dataDir: join(folder, 'data'), cluster, ...init })
  nodes.push(node)
  return node
}

describe('on a node', () => {
  test('a map that is asked for while it closes is a new one, with what was written before', async () => {
    const node = await start()
    const map = await node.map<number>('m')
    const write = map.set('k', 1)
    const closing = map.close()
    const again = await node.map<number>('m')
    expect(again).not.toBe(map)
    expect(again.get('k')).toBe(1)
    await again.set('k', 2)
    await Promise.all([write, closing])
    expect(again.get('k')).toBe(2)
  })

  test('stop, while one map opens, one writes and one closes, settles everything and loses nothing', async () => {
    const node = await start()
    const [a, b] = await Promise.all([node.map<number>('a'), node.map<number>('b')])
    const writes = [a.set('k', 1), b.set('k', 1)]
    const opening = node.map('c')
    const closing = b.close()
    const reopening = node.map('b').catch((error: Error) => error.name)
    expect(await node.stop()).toEqual([])
    await Promise.all([...writes, opening, closing])
    expect(await reopening).toBe('NodeStoppedError')
    const next = await start()
    for (const name of ['a', 'b']) expect((await next.map(name)).get('k')).toBe(1)
  })

  test('three starts at once on one new folder: one gets it, and it is for this user only', async () => {
    const starts = await Promise.allSettled([start(), start(), start()])
    const refused = starts.flatMap(one => (one.status === 'rejected' ? [(one.reason as Error).name] : []))
    expect(refused).toEqual(['StoreLockedError', 'StoreLockedError'])
    if (process.platform !== 'win32') expect(statSync(join(folder, 'data')).mode & 0o077).toBe(0)
  })
})

describe('on parts that fail or take their time', () => {
  interface Fakes {
    readonly store: Store
    readonly maps: HostedMaps
    readonly left: string[]
    /** Timers that have been set and not cancelled. */
    readonly timers: Set<object>
    /** Handles of sessions that are open. */
    readonly opened: { sync: number }
    failJoin: boolean
    failSync: boolean
    failFind: boolean
    leaving: Promise<void>
  }

  /** A swarm and sessions that do nothing but what the tests are about. */
  function fakes(): Fakes {
    const store = createMemoryStore()
    const joined = new Set<string>()
    const opened = { sync: 0 }
    const left: string[] = []
    const gossip = {
      join(name: string) {
        if (world.failJoin || joined.has(name)) throw new TypeError('no room in the swarm')
        joined.add(name)
        return {
          broadcast: () => undefined,
          onMessage: () => () => undefined,
          async leave() {
            await world.leaving
            joined.delete(name)
            left.push(name)
          }
        }
      }
    }
    const sync = {
      open() {
        if (world.failSync) throw new RangeError('no room for a session')
        opened.sync++
        return {
          close: async () => void opened.sync--,
          sessions: () => [],
          onRound: () => () => undefined,
          peers: () => []
        }
      }
    }
    const hosts = {
      find() {
        if (world.failFind) throw new RangeError('no room to look for hosts')
        return () => undefined
      }
    }
    const timers = new Set<object>()
    const ports = {
      ...systemPorts,
      timers: {
        schedule(delayMs: number, task: () => void) {
          const timer = systemPorts.timers.schedule(delayMs, task)
          timers.add(timer)
          return {
            cancel() {
              timers.delete(timer)
              timer.cancel()
            }
          }
        }
      }
    }
    const components = {
      store,
      gossip,
      sync,
      hosts,
      ports,
      observers: {},
      log: Object.assign(() => undefined, { error: () => undefined })
    } as unknown as HostedMapsComponents
    const maps = new HostedMaps(components, { contacts: [], driftMsMax: 60_000 })
    const world: Fakes = {
      store,
      maps,
      left,
      timers,
      opened,
      failJoin: false,
      failSync: false,
      failFind: false,
      leaving: Promise.resolve()
    }
    return world
  }

  test.each(['failJoin', 'failSync', 'failFind'] as const)(
    '%s: the name can be opened afterwards',
    async fault => {
      const world = fakes()
      world[fault] = true
      await expect(world.maps.open('m', {})).rejects.toThrow('no room')
      expect([world.store.stats().logs, world.timers.size, world.opened.sync]).toEqual([0, 0, 0])
      world[fault] = false
      const map = await world.maps.open<number>('m', {})
      await map.set('k', 1)
      await world.maps.close()
      expect(world.store.stats().logs).toBe(0)
    }
  )

  test('a swarm that is slow to leave is waited for before the name is opened again', async () => {
    const world = fakes()
    let leave = (): void => {}
    world.leaving = new Promise(resolve => (leave = resolve))
    const map = await world.maps.open<number>('m', {})
    await map.close()
    const reopening = world.maps.open<number>('m', {})
    expect(world.left).toEqual([])
    leave()
    const again = await reopening
    expect(world.left).toEqual(['m'])
    await again.set('k', 1)
    await world.maps.close()
  })

  test('a call that waits for a swarm that never leaves is answered when the node stops', async () => {
    const world = fakes()
    world.leaving = new Promise(() => {})
    const map = await world.maps.open('m', {})
    await map.close()
    const reopening = world.maps.open('m', {})
    void world.maps.close()
    await expect(reopening).rejects.toMatchObject({ name: 'NodeStoppedError' })
  })
})
