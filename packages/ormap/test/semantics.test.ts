import { readFileSync } from 'node:fs'
import { decodeValue, encodeValue } from '@starling/codec'
import { HybridLogicalClock } from '@starling/hlc'
import { systemHash } from '@starling/ports/system'
import { describe, expect, test } from 'vitest'
import {
  encodeEntry,
  ingest,
  liveDots,
  ObservedRemoveMap,
  putEntry,
  removeEntry,
  winner
} from '../src/index.ts'
import { id } from './entries.ts'
import { must } from './must.ts'
import { readPictures, type Picture, type PictureStep } from './picture.ts'

// Every picture of the page for users is played with the real map, clock and intake.

const page = readFileSync(new URL('../../../docs/semantics.md', import.meta.url), 'utf8')
const pictures = readPictures(page)

const START_MS = 1_700_000_000_000
const STEP_MS = 1000
const UNIT_MS: Record<string, number> = { hours: 3_600_000, days: 86_400_000 }

interface Node {
  readonly offsetMs: number
  replica: string
  clock: HybridLogicalClock
  map: ObservedRemoveMap
}

class World {
  readonly nodes: readonly Node[]
  #nowMs = START_MS
  #ids = 0

  constructor(headers: readonly string[]) {
    this.nodes = headers.map(header => ({ offsetMs: offsetMs(header), ...this.#fresh() }))
  }

  play(step: PictureStep): void {
    this.#nowMs += STEP_MS
    if (step.type === 'wait') this.#wait(step.text)
    else if (step.type === 'do') this.#act(must(this.nodes[step.node]), step.text)
    else {
      const left = must(this.nodes[step.left])
      const right = must(this.nodes[step.right])
      if (step.heads !== 'left') this.#deliver(left, right)
      if (step.heads !== 'right') this.#deliver(right, left)
    }
  }

  #fresh(): Pick<Node, 'replica' | 'clock' | 'map'> {
    const replica = id('abcdef'.charAt(this.#ids++))
    return { replica, clock: new HybridLogicalClock(), map: new ObservedRemoveMap(systemHash) }
  }

  #wait(text: string): void {
    const pattern = /^(\d+) (hours|days)(?:, and (\w+) forgets by age)?$/
    const [, amount, unit = '', forgetful] = pattern.exec(text) ?? []
    this.#nowMs += Number(amount) * must(UNIT_MS[unit])
    if (forgetful === undefined) return
    const { map } = must(this.nodes['ABC'.indexOf(forgetful)])
    for (const [key] of [...map.allEntries()]) map.dropEvidence(key, () => true)
  }

  #act(node: Node, text: string): void {
    if (text === 'disk lost') {
      Object.assign(node, this.#fresh())
      return
    }
    const [, what = '', key = 'key'] = /^(.*?)(?: on (\w+))?$/.exec(text) ?? []
    const entry = node.map.get(key)
    const stamp = () => node.clock.now(this.#nowMs + node.offsetMs)
    if (what.startsWith('set ')) {
      node.map.join(
        key,
        putEntry(entry, node.replica, stamp(), encodeValue(JSON.parse(what.slice(4)) as string))
      )
    } else if (what === 'delete') {
      node.map.join(key, removeEntry(must(entry), node.replica, stamp()))
    } else {
      expect(`= ${shown(node.map, key)}`, `at ${node.replica}, ${text}`).toBe(what)
    }
  }

  #deliver(from: Node, to: Node): void {
    const entries = [...from.map.allEntries()].map(([key, entry]) => encodeEntry(key, entry))
    const wallMs = this.#nowMs + to.offsetMs
    const { changed, rejected, greatestStamp } = ingest(to.map, entries, { wallMs })
    expect(rejected).toEqual([])
    to.clock.receive(greatestStamp, wallMs)
    for (const { key, joined } of changed) to.map.join(key, joined)
  }
}

/** What `get` returns, and what else `conflicts` lists, as the pictures write it. */
function shown(map: ObservedRemoveMap, key: string): string {
  const entry = map.get(key)
  const first = entry === undefined ? undefined : winner(entry)
  if (entry === undefined || first === undefined) return 'nothing'
  const others = liveDots(entry).filter(dot => dot !== first)
  return [first, ...others].map(dot => JSON.stringify(decodeValue(dot.value))).join(' also ')
}

function offsetMs(header: string): number {
  const [, seconds, direction] = /\(clock (\d+) s (slow|fast)\)/.exec(header) ?? []
  if (seconds === undefined) return 0
  return Number(seconds) * (direction === 'fast' ? 1000 : -1000)
}

describe('the pictures of the page on semantics', () => {
  test.each(pictures.map(picture => [picture.title, picture] as const))('%s', (_, picture: Picture) => {
    const world = new World(picture.nodes)
    for (const step of picture.steps) world.play(step)
    expect(picture.steps.some(step => step.type === 'do' && step.text.startsWith('= '))).toBe(true)
  })

  test('are all there', () => {
    expect(pictures.length).toBeGreaterThanOrEqual(12)
  })

  test('fail when they say something else', () => {
    const wrong = must(readPictures(page.replace('= "light" also "dark"', '= "dark" also "light"'))[2])
    const world = new World(wrong.nodes)
    expect(() => wrong.steps.forEach(step => world.play(step))).toThrow(/dark/)
  })
})
