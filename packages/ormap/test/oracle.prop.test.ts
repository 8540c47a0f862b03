import { decodeValue, encodeValue } from '@starling/codec'
import { HybridLogicalClock, stampOf, type Stamp } from '@starling/hlc'
import { systemHash } from '@starling/ports/system'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  EMPTY_ENTRY,
  encodeEntry,
  hasLiveDot,
  ingest,
  liveDots,
  ObservedRemoveMap,
  putEntry,
  removeEntry,
  winner,
  type ReplicaId
} from '../src/index.ts'
import { must } from './must.ts'
import { runs } from './runs.ts'

/** An operation as the naive model remembers it: everything it had seen, by number. */
interface Operation {
  readonly key: string
  readonly put: boolean
  readonly seen: ReadonlySet<number>
  readonly stamp: Stamp
  readonly replica: ReplicaId
}

interface Message {
  readonly bytes: Uint8Array
  readonly carries: ReadonlySet<number>
}

const BASE_MS = 1_000_000
const ascending = (a: number, b: number): number => a - b
const KEYS = ['x', 'y', '__proto__']

/** A replica with a wrong, stalled or jumping clock, and the naive model of what it knows. */
class Node {
  readonly map = new ObservedRemoveMap(systemHash)
  /** The operations whose effect has arrived here, per key. */
  readonly known = new Map<string, ReadonlySet<number>>()
  readonly skewMs: number
  clock: HybridLogicalClock
  id: ReplicaId

  constructor(id: ReplicaId, skewMs: number) {
    this.id = id
    this.skewMs = skewMs
    this.clock = new HybridLogicalClock()
  }

  knows(key: string): ReadonlySet<number> {
    return this.known.get(key) ?? new Set()
  }
}

/** Runs steps on the real functions and on the model, and compares the two after every step. */
class World {
  readonly operations: Operation[] = []
  readonly messages: Message[] = []
  readonly nodes: readonly Node[]
  #ids = 0

  constructor(skews: readonly number[]) {
    this.nodes = skews.map(skewMs => new Node(this.#nextId(), skewMs))
  }

  #nextId(): ReplicaId {
    // Scattered, so that the order of ids is not the order in which they were drawn.
    return ((++this.#ids * 7) % 16).toString(16) + this.#ids.toString(16).padStart(15, '0')
  }

  write(node: Node, key: string, put: boolean, wallMs: number): void {
    const base = node.map.get(key)
    if (!put && (base === undefined || !hasLiveDot(base))) return
    const stamp = node.clock.now(BASE_MS + wallMs + node.skewMs)
    const number = this.operations.length
    const entry =
      put || base === undefined
        ? putEntry(base, node.id, stamp, encodeValue(number))
        : removeEntry(base, node.id, stamp)
    const seen = node.knows(key)
    this.operations.push({ key, put, seen, stamp, replica: node.id })
    node.map.join(key, entry)
    node.known.set(key, new Set([...seen, number]))
    this.messages.push({ bytes: encodeEntry(key, entry), carries: node.knows(key) })
  }

  /** Sends what a node holds for a key, so that merged entries travel as well as fresh ones. */
  relay(node: Node, key: string): void {
    const entry = node.map.get(key)
    if (entry !== undefined) this.messages.push({ bytes: encodeEntry(key, entry), carries: node.knows(key) })
  }

  deliver(node: Node, message: Message, wallMs: number): void {
    const now = BASE_MS + wallMs + node.skewMs
    const result = ingest(node.map, [message.bytes], { wallMs: now })
    expect(result.rejected).toEqual([])
    expect(node.clock.receive(result.greatestStamp, now).ok).toBe(true)
    for (const { key, joined } of result.changed) node.map.join(key, joined)
    const first = must([...message.carries][0])
    const key = must(this.operations[first]).key
    node.known.set(key, new Set([...node.knows(key), ...message.carries]))
  }

  /** The same disk opened again: the state stays, the replica id and the clock are new. */
  restart(node: Node): void {
    node.id = this.#nextId()
    node.clock = new HybridLogicalClock({ floor: node.clock.last })
  }

  /** Compares all replicas with the model, in one comparison: this runs after every step. */
  check(): void {
    const found: unknown[] = []
    const expected: unknown[] = []
    for (const node of this.nodes) {
      let size = 0
      for (const key of KEYS) {
        const survivors = this.survivors(node, key)
        const entry = node.map.get(key) ?? EMPTY_ENTRY
        const live = liveDots(entry).map(dot => Number(decodeValue(dot.value)))
        const shown = winner(entry)
        const writers = new Set([...node.knows(key)].map(number => must(this.operations[number]).replica))
        found.push(
          live.toSorted(ascending).join(),
          shown && decodeValue(shown.value),
          entry.items.length <= writers.size
        )
        expected.push(survivors.toSorted(ascending).join(), this.greatest(survivors), true)
        if (survivors.length > 0) size++
      }
      found.push(node.map.size, node.map.root.count)
      expected.push(size, size)
    }
    expect(found).toEqual(expected)
  }

  /** The puts a node knows of that no operation it knows of had seen. */
  survivors(node: Node, key: string): number[] {
    const known = [...node.knows(key)]
    const overwritten = new Set(known.flatMap(number => [...must(this.operations[number]).seen]))
    return known.filter(number => must(this.operations[number]).put && !overwritten.has(number))
  }

  greatest(numbers: readonly number[]): number | undefined {
    return numbers.toSorted((a, b) => {
      const [left, right] = [must(this.operations[a]), must(this.operations[b])]
      return left.stamp === right.stamp
        ? left.replica < right.replica
          ? -1
          : 1
        : left.stamp < right.stamp
          ? -1
          : 1
    })[numbers.length - 1]
  }
}

const step = fc.record({
  type: fc.constantFrom('put', 'put', 'remove', 'deliver', 'deliver', 'deliver', 'relay', 'restart'),
  node: fc.nat({ max: 5 }),
  key: fc.constantFrom(...KEYS),
  pick: fc.nat(),
  // Few walls, some earlier than before: clocks stall and step back, and stamps meet.
  wallMs: fc.constantFrom(0, 0, 1, 1, 2, 5000)
})
const skews = fc.array(fc.constantFrom(0, 0, 0, -20_000, 20_000), { minLength: 2, maxLength: 6 })

test('after every step each replica shows what the causal past says, and all agree byte for byte in the end', () => {
  let conflicts = 0
  let equalStamps = 0
  fc.assert(
    fc.property(skews, fc.array(step, { maxLength: 40 }), (nodeSkews, steps) => {
      const world = new World(nodeSkews)
      for (const { type, node: at, key, pick, wallMs } of steps) {
        const node = must(world.nodes[at % world.nodes.length])
        const message = world.messages[pick % Math.max(1, world.messages.length)]
        if (type === 'put' || type === 'remove') world.write(node, key, type === 'put', wallMs)
        else if (type === 'relay') world.relay(node, key)
        else if (type === 'restart') world.restart(node)
        else if (message !== undefined) world.deliver(node, message, wallMs)
        world.check()
      }
      const stamps = world.operations.map(({ stamp }) => stamp)
      if (new Set(stamps).size < stamps.length) equalStamps++
      // Everything reaches everyone, in another order everywhere and twice.
      world.nodes.forEach((node, i) => {
        const order = world.messages.map((message, j) => ({ message, rank: (j * 7919 + i * 104_729) % 101 }))
        order.sort((a, b) => a.rank - b.rank)
        for (const { message } of [...order, ...order.slice(0, 3)]) world.deliver(node, message, 5000)
      })
      world.check()
      const [first, ...others] = [must(world.nodes[0]), ...world.nodes.slice(1)]
      for (const key of KEYS) {
        const entry = first.map.get(key)
        if (entry !== undefined && liveDots(entry).length > 1) conflicts++
        for (const other of others) {
          const theirs = other.map.get(key)
          expect(theirs && encodeEntry(key, theirs)).toEqual(entry && encodeEntry(key, entry))
        }
      }
      for (const other of others) expect(other.map.root.equals(first.map.root)).toBe(true)
    }),
    runs(10_000)
  )
  // The generator does reach what the merge is about.
  expect(conflicts).toBeGreaterThan(50)
  expect(equalStamps).toBeGreaterThan(50)
})

test('a thousand writes by a few replicas leave an entry as large as one by each', () => {
  const world = new World([0, 0, 0])
  for (let i = 0; i < 1000; i++) {
    const node = must(world.nodes[i % 3])
    world.write(node, 'x', i % 10 !== 9, i)
    for (const other of world.nodes) world.deliver(other, must(world.messages.at(-1)), i)
  }
  const { map } = must(world.nodes[0])
  expect(map.get('x')?.items.length).toBe(3)
  expect(encodeEntry('x', map.get('x') ?? { items: [] }).length).toBeLessThan(80)
  expect(stampOf(BASE_MS)).toBeLessThan(must(world.operations[0]).stamp + 1n)
})
