import { stampWallMs } from '@starling/hlc'
import {
  encodeWithRows,
  isDot,
  REPLICA_ID_BYTES,
  replicaIdOf,
  type Dot,
  type Entry,
  type Item,
  type ReplicaId
} from '@starling/ormap'
import type { Core } from './core.ts'
import { lastStampOf } from './intake.ts'
import type { LocalWrites } from './local-writes.ts'
import type { Write } from './stage-commit.ts'

/** What a repair adds to the map is not worth counting: it writes again what was there. */
const NO_GROWTH = { live: 0, entries: 0, bytes: 0 }

/** Keys written in one commit. Guess: far less than a batch takes, with values of the usual length. */
const REPAIRED_TOGETHER = 16

/**
 * Sets the clock back to the wall. Items with stamps that every peer refuses are of writers whose clock ran ahead: this one, as a
 * rule in an earlier life. Each becomes evidence as of now, since it superseded whatever its writer wrote of the key up to now,
 * and its value is written again under a new id and stamp. That is no merge, but no peer ever accepted the items that go.
 */
export async function repairClock(core: Core, writes: LocalWrites): Promise<void> {
  const { state, identity, queue, components } = core
  // What is on its way was stamped before.
  await queue.idle()
  core.assertWorks()
  const { wallMs, driftMsMax } = core
  const isAhead = ({ stamp }: Item): boolean => stampWallMs(stamp) > wallMs + driftMsMax
  // Above whatever was stamped in this millisecond: what was superseded since is here no more.
  let floor = lastStampOf(wallMs)
  const ahead: [key: string, entry: Entry][] = []
  for (const [key, entry] of state.map.allEntries()) {
    if (entry.items.some(isAhead)) ahead.push([key, entry])
    for (const item of entry.items) if (!isAhead(item) && item.stamp > floor) floor = item.stamp
  }
  const aheadMark = identity.mark
  identity.doubt({ mark: aheadMark, clock: floor })
  identity.restartClock(floor)
  const superseded = identity.clock.now(wallMs)
  const repair = (entry: Entry): Entry => ({
    items: entry.items.map(item =>
      isAhead(item) ? { replica: item.replica, stamp: superseded, value: undefined } : item
    )
  })
  // Of several values beside each other none is given up, and an id has one item for a key.
  const ids: ReplicaId[] = [identity.writer()]
  const idAt = (at: number): ReplicaId => (ids[at] ??= replicaIdOf(components.random.bytes(REPLICA_ID_BYTES)))
  const rewrite = (key: string, entry: Entry): Write => {
    const dots = entry.items.filter((item): item is Dot => isAhead(item) && isDot(item))
    // In the order of their stamps, so that the value that was shown is the one that is shown.
    const again = dots
      .sort((a, b) => (a.stamp < b.stamp ? -1 : 1))
      .map((dot, at): Item => ({ ...dot, replica: idAt(at), stamp: identity.clock.now(wallMs) }))
    const items = [...repair(entry).items, ...again].sort((a, b) => (a.replica < b.replica ? -1 : 1))
    const encoded = encodeWithRows(key, { items }, components.hash)
    const stamp = identity.clock.now(wallMs)
    return { key, entry: { items }, encoded, replica: idAt(0), stamp, growth: NO_GROWTH, repair }
  }
  const commits: Promise<void>[] = []
  for (let at = 0; at < ahead.length; at += REPAIRED_TOGETHER) {
    const group = ahead.slice(at, at + REPAIRED_TOGETHER).map(([key, entry]) => rewrite(key, entry))
    commits.push(
      writes.add(
        group,
        group.reduce((bytes, write) => bytes + write.encoded.wire.length, 0)
      )
    )
  }
  queue.nudge()
  try {
    await Promise.all([...commits, queue.settled()])
  } catch (error) {
    // What is ahead is still here, so the clock has to stay above it: writes are refused again, and the repair can be repeated.
    identity.restartClock(aheadMark)
    throw error
  }
}
