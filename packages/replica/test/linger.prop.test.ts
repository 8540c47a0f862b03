import { decodeUtf8 } from '@starling/codec'
import { decodeRows, encodeEvidence, encodeLive, type Entry, type Item } from '@starling/ormap'
import { systemHash } from '@starling/ports/system'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MemoryLog } from './support/memory-log.ts'
import { runs } from './support/runs.ts'
import { openNode, put, remove, settle, type Node } from './support/world.ts'

// Received rows wait for others, and are written from the bytes that the map holds at that moment. Whatever happens meanwhile, the
// disk ends as the state is, every row says what it replaces, and what was acknowledged is there at once.

const STEPS = [
  'remote',
  'remote',
  'receive',
  'receive',
  'push',
  'local',
  'time',
  'sweep',
  'synced',
  'synced',
  'lost',
  'written'
] as const
type Step = readonly [step: (typeof STEPS)[number], at: number]

const LINGER_MS = 10
const DURABLE = 1

interface Row {
  readonly live?: { readonly value: Uint8Array; readonly hash: Uint8Array }
  readonly evidence?: { readonly value: Uint8Array; readonly hash: Uint8Array }
}

function rowsOf(log: MemoryLog): Map<string, Row> {
  const rows = new Map<string, Row>()
  for (const { kind, key, value, hash } of log.disk.values()) {
    if (kind !== 'live' && kind !== 'evidence') continue
    const name = decodeUtf8(key)
    rows.set(name, { ...rows.get(name), [kind]: { value, hash } })
  }
  return rows
}

function onDisk(log: MemoryLog): Map<string, Entry> {
  const entries = new Map<string, Entry>()
  for (const [key, { live, evidence }] of rowsOf(log)) {
    const entry = decodeRows(live?.value, evidence?.value)
    expect(encodeLive(key, entry, systemHash)?.hash).toEqual(live?.hash)
    expect(encodeEvidence(key, entry, systemHash)?.hash).toEqual(evidence?.hash)
    entries.set(key, entry)
  }
  return entries
}

function stampOf(entry: Entry | undefined, { replica }: Item): bigint {
  return entry?.items.find(item => item.replica === replica)?.stamp ?? 0n
}

async function run(steps: readonly Step[]): Promise<void> {
  const log = new MemoryLog('manual')
  const node = await openNode({
    log,
    init: { lingerMs: LINGER_MS, evidenceMs: 0, limits: { groupRowsMax: 3 } }
  })
  const peer = await openNode({ name: 'peer', clock: node.clock, init: { evidenceMs: 0 } })
  const pushes: Promise<void>[] = []
  for (const [step, at] of steps) await take(step, at, { log, node, peer, pushes })
  const closed = node.replica.close()
  for (let i = 0; i < 100; i++) {
    await settle(3)
    if (log.pending.length > 0) log.succeed()
  }
  await Promise.all([closed, ...pushes])
  expect(node.timers.size).toBe(0)
  expect(node.replica.stats().state).toBe('closed')
  // A log that had failed when it was closed lacks what was not written; nothing else does.
  if (node.events.findLast(({ type }) => type === 'poisoned' || type === 'reopened')?.type === 'poisoned')
    return
  expect(onDisk(log)).toEqual(new Map(node.replica.allEntries()))
  const again = await openNode({ log: log.reopen(), seed: 'again' })
  expect(again.replica.root()).toEqual(node.replica.root())
}

async function take(
  step: Step[0],
  at: number,
  { log, node, peer, pushes }: { log: MemoryLog; node: Node; peer: Node; pushes: Promise<void>[] }
): Promise<void> {
  const key = `k${at % 11}`
  const operation = at % 3 === 0 ? remove(key) : put(key, `v${at}`.repeat(1 + (at % 40)))
  const message = peer.broadcast.sent.at(-1 - (at % 8))
  if (step === 'remote') await peer.replica.commit([operation])
  else if (step === 'receive') {
    for (const sent of peer.broadcast.sent.slice(-1 - (at % 8))) node.broadcast.deliver(sent)
  } else if (step === 'push' && message !== undefined) {
    const answer = node.replica.protocol.answer?.(message, 'peer') as Promise<Uint8Array>
    const taken = [...node.replica.allEntries()]
    const isThere = ([verdict]: Uint8Array): void => {
      if (verdict !== DURABLE) return
      const disk = onDisk(log)
      for (const [name, { items }] of taken) {
        // Evidence may have been collected meanwhile.
        const kept = items.filter(item => stampOf(node.replica.entry(name), item) >= item.stamp)
        for (const item of kept) expect(stampOf(disk.get(name), item)).toBeGreaterThanOrEqual(item.stamp)
      }
    }
    // A replica whose log has failed takes nothing.
    pushes.push(answer.then(isThere, () => undefined))
  } else if (step === 'local') {
    void node.replica.commit([operation]).catch(() => undefined)
    for (const sent of node.broadcast.sent.slice(-2)) peer.broadcast.deliver(sent)
  } else if (step === 'time') await node.timers.advance(at % 12)
  else if (step === 'sweep') await node.timers.advance(10_000)
  else if (log.pending.length > 0) {
    if (step === 'synced') log.succeed()
    else log.fail(step === 'written')
  }
  if (at % 2 === 0) await settle(at % 7)
}

describe('received rows that wait for others', () => {
  test('are on disk as the state has them in the end, whatever came meanwhile, and at once where they are acknowledged', async () => {
    const steps = fc.array(fc.tuple(fc.constantFrom(...STEPS), fc.nat(1000)), { minLength: 5, maxLength: 60 })
    await fc.assert(fc.asyncProperty(steps, run), runs(1000))
  })
})
