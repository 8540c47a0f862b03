import { decodeUtf8 } from '@starling/codec'
import { decodeRows, encodeEntry, putEntry, type Entry } from '@starling/ormap'
import { describe, expect, test } from 'vitest'
import { IndeterminateWriteError, ReplicaPoisonedError, type ReplicaInit } from '../src/index.ts'
import { EntryPacker } from '../src/frames.ts'
import { MemoryLog } from './support/memory-log.ts'
import { bytes, openNode, put, remove, settle, valuesOf, watchFate, type Node } from './support/world.ts'

// Every schedule of a few writes in flight, a remote entry and a failing log, against an oracle that knows what each operation
// could have seen. One key; the log ends each append when the schedule says so.

type Step = 'set' | 'remove' | 'remote'
/** issue the next step, let waiting work start, or end the append that is pending. */
type Action = 'next' | 'turn' | 'ok' | 'failLost' | 'failWritten'

interface Op {
  readonly name: string
  readonly value: string | undefined
  /** Values it could have seen. */
  readonly seen: ReadonlySet<string>
  readonly fate: ReturnType<typeof watchFate>
  tookEffect: boolean
}

interface Run {
  readonly node: Node
  readonly log: MemoryLog
  readonly script: readonly Step[]
  readonly ops: Op[]
  readonly trace: Action[]
  position: number
  waiting: boolean
  failed: boolean
  remoteArrived: boolean
  /** The state just before the log failed. */
  appliedAtFailure: Entry | undefined
}

const KEY = 'k'
const REMOTE = 'remote'

async function start(script: readonly Step[], limits: ReplicaInit['limits']): Promise<Run> {
  const log = new MemoryLog('manual')
  const node = await openNode({ log, init: limits === undefined ? {} : { limits } })
  return {
    node,
    log,
    script,
    ops: [],
    trace: [],
    position: 0,
    waiting: false,
    failed: false,
    remoteArrived: false,
    appliedAtFailure: undefined
  }
}

function available(run: Run): Action[] {
  const actions: Action[] = []
  if (run.position < run.script.length) actions.push('next')
  if (run.log.pending.length > 0) actions.push('ok', 'failLost', 'failWritten')
  else if (run.waiting) actions.push('turn')
  return actions
}

async function perform(run: Run, action: Action, remoteMs: number): Promise<void> {
  run.trace.push(action)
  if (action === 'next') {
    issue(run, remoteMs)
    return
  }
  if (action === 'turn') {
    run.waiting = false
  } else if (action === 'ok') {
    run.log.succeed()
    run.waiting = false
  } else {
    run.failed = true
    run.appliedAtFailure = run.node.replica.entry(KEY)
    run.log.fail(action === 'failWritten')
    run.waiting = false
  }
  await settle()
}

function issue(run: Run, remoteMs: number): void {
  const step = run.script[run.position]
  const { node } = run
  run.position++
  run.waiting = true
  if (step === 'remote') {
    const packer = new EntryPacker('broadcast', 1 << 16)
    packer.add(encodeEntry(KEY, putEntry(undefined, 'f'.repeat(16), BigInt(remoteMs) << 16n, bytes(REMOTE))))
    node.broadcast.deliver(packer.flush() as Uint8Array)
    run.remoteArrived ||= !run.failed
    return
  }
  const own = run.ops.filter(op => op.fate.state() !== 'rejected')
  const seen = new Set([...valuesOf(node.replica.entry(KEY)), ...own.flatMap(op => op.value ?? [])])
  const name = `w${run.position}`
  const value = step === 'set' ? name : undefined
  const committed = node.replica.commit([value === undefined ? remove(KEY) : put(KEY, value)])
  run.ops.push({ name, value, seen, fate: watchFate(committed), tookEffect: false })
}

function diskEntry(log: MemoryLog): Entry | undefined {
  const rows = [...log.disk.values()].filter(row => decodeUtf8(row.key) === KEY)
  if (rows.length === 0) return undefined
  const of = (kind: string) => rows.find(row => row.kind === kind)?.value
  return decodeRows(of('live'), of('evidence'))
}

async function check(run: Run): Promise<void> {
  const { node, log, ops } = run
  const where = `${run.script.join(' ')} | ${run.trace.join(' ')}`
  const disk = valuesOf(diskEntry(log))
  const shown = valuesOf(node.replica.entry(KEY))
  for (const op of ops) {
    expect(op.fate.state(), `${where}: ${op.name} is settled`).not.toBe('pending')
    const error = op.fate.error()
    const indeterminate = error instanceof IndeterminateWriteError
    if (error !== undefined && !indeterminate) expect(error, where).toBeInstanceOf(ReplicaPoisonedError)
    const written = indeterminate && run.trace.includes('failWritten')
    op.tookEffect = error === undefined || written
    if (error !== undefined && op.value !== undefined) {
      expect(shown, `${where}: ${op.name} failed and is not shown`).not.toContain(op.value)
      if (!written) expect(disk, `${where}: ${op.name} failed and is not on disk`).not.toContain(op.value)
    }
  }
  for (const value of [...ops.flatMap(op => (op.tookEffect ? (op.value ?? []) : [])), REMOTE]) {
    if (value === REMOTE && !run.remoteArrived) continue
    const dead = ops.some(op => op.tookEffect && op.seen.has(value))
    // A remote entry that was not durable when the log failed comes back by reconciliation.
    const excused = value === REMOTE && run.failed
    if (dead) expect(disk, `${where}: ${value} was superseded`).not.toContain(value)
    else if (!excused) expect(disk, `${where}: nothing had seen ${value}`).toContain(value)
  }
  if (run.failed) {
    expect(node.replica.entry(KEY), `${where}: nothing is applied after the failure`).toBe(
      run.appliedAtFailure
    )
  } else {
    expect(disk, `${where}: the disk is what is shown`).toEqual(shown)
  }
  const again = await openNode({ log: log.reopen(), seed: 'again' })
  expect(valuesOf(again.replica.entry(KEY)), `${where}: reopened`).toEqual(disk)
  if (!run.failed) expect(again.replica.entry(KEY), where).toEqual(node.replica.entry(KEY))
}

/** Runs every schedule of the script, each from the start. Returns how many there were. */
async function explore(
  script: readonly Step[],
  limits: ReplicaInit['limits'],
  remoteMs: number
): Promise<number> {
  let schedules = 0
  const open: Action[][] = [[]]
  for (let prefix = open.pop(); prefix !== undefined; prefix = open.pop()) {
    const run = await start(script, limits)
    for (const action of prefix) await perform(run, action, remoteMs)
    const actions = available(run)
    for (const action of actions) open.push([...prefix, action])
    if (actions.length > 0) continue
    schedules++
    await check(run)
  }
  return schedules
}

const scripts: readonly (readonly Step[])[] = [
  ['set', 'set'],
  ['set', 'remove'],
  ['remove', 'set'],
  ['set', 'remote', 'set'],
  ['remote', 'set'],
  ['set', 'remote', 'remove', 'set'],
  ['remote', 'remove'],
  ['set', 'set', 'remote', 'remove'],
  ['set', 'remove', 'remove', 'remote'],
  ['set', 'remove', 'remote', 'set', 'remove']
]

describe('every schedule of writes in flight', () => {
  const older = 1_699_999_999_000
  const newer = 1_700_000_001_000
  test.each([
    ['an older remote entry', undefined, older],
    ['a newer remote entry', undefined, newer],
    ['batches of one row', { groupRowsMax: 1 }, newer]
  ] as const)('agrees with the oracle: %s', async (_name, limits, remoteMs) => {
    let schedules = 0
    for (const script of scripts) schedules += await explore(script, limits, remoteMs)
    expect(schedules).toBeGreaterThan(500)
  })

  test('a remote entry between two local sets stays as a conflict unless it was visible', async () => {
    const run = await start(['set', 'set', 'remote'], undefined)
    for (const action of ['next', 'turn', 'next', 'next', 'ok', 'ok'] as const)
      await perform(run, action, newer)
    expect(valuesOf(run.node.replica.entry(KEY))).toEqual([REMOTE, 'w2'])
    const seen = await start(['set', 'remote', 'set'], undefined)
    for (const action of ['next', 'turn', 'next', 'next', 'ok', 'ok'] as const)
      await perform(seen, action, newer)
    expect(valuesOf(seen.node.replica.entry(KEY))).toEqual(['w3'])
  })
})
