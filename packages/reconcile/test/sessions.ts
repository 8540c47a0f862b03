import { seededRandom } from '@starling/ports'
import { systemHash } from '@starling/ports/system'
import {
  FingerprintTreeBuilder,
  Reconciler,
  type FingerprintTree,
  type Item,
  type ReconcileEnd,
  type ReconcilerInit
} from '../src/index.ts'
import { keyOf } from './naive-set.ts'

/** What one side of a session found. */
export interface Found {
  readonly have: Item[]
  need: number
  end: ReconcileEnd | undefined
}

export interface Session {
  readonly initiator: Found
  readonly responder: Found
  /** Bytes of each frame, the initiator's first. */
  readonly frames: number[]
}

export const initOf = (
  role: 'initiator' | 'responder',
  seed: number,
  more: Partial<ReconcilerInit> = {}
): ReconcilerInit => ({
  role,
  hash: systemHash,
  random: seededRandom(seed).fork(role),
  now: () => 0,
  ...more
})

interface Options {
  readonly seed?: number
  readonly initiator?: Partial<ReconcilerInit>
  readonly responder?: Partial<ReconcilerInit>
  /** How many frames arrive before the line is cut. */
  readonly framesMax?: number
  /** Called before each frame arrives. */
  readonly between?: () => void
}

/** Far more frames than any session has. */
const FRAMES_MAX = 100

/**
 * Carries frames between two ends until neither has one to send.
 *
 * @throws Error when they do not come to an end.
 */
export function runSession(a: FingerprintTree, b: FingerprintTree, options: Options = {}): Session {
  const { seed = 1, framesMax = Infinity, between = () => undefined } = options
  const ends = [
    new Reconciler(a, initOf('initiator', seed, options.initiator)),
    new Reconciler(b, initOf('responder', seed, options.responder))
  ] as const
  const found: [Found, Found] = [
    { have: [], need: 0, end: undefined },
    { have: [], need: 0, end: undefined }
  ]
  const frames: number[] = []
  let frame: Uint8Array | undefined = ends[0].start()
  for (let side: 0 | 1 = 1; frame !== undefined; side = side === 0 ? 1 : 0) {
    frames.push(frame.length)
    if (frames.length > FRAMES_MAX) throw new Error('the session makes no progress')
    if (frames.length > framesMax) break
    between()
    // What arrives is not what was sent: nobody may hold on to it.
    const step = ends[side].receive(frame.slice())
    found[side].have.push(...step.have)
    found[side].need += step.need
    found[side].end = step.end ?? found[side].end
    frame = step.reply
  }
  return { initiator: found[0], responder: found[1], frames }
}

export const treeOf = (items: Iterable<Item>): FingerprintTree => {
  const builder = new FingerprintTreeBuilder()
  for (const { stamp, hash, ref } of items) builder.add(stamp, hash, ref)
  return builder.finish()
}

/** Items as sorted texts, to be compared as sets. */
export const textsOf = (items: Iterable<Item>): string[] =>
  Array.from(items, item => Buffer.from(keyOf(item)).toString('hex')).sort()

/** The items of `a` that `b` lacks. */
export const without = (a: FingerprintTree, b: FingerprintTree): string[] =>
  textsOf([...a.items()].filter(({ stamp, hash }) => b.refOf(stamp, hash) === undefined))

/** Gives both sides what the session found. */
export function exchange(a: FingerprintTree, b: FingerprintTree, session: Session): void {
  for (const { stamp, hash, ref } of session.initiator.have) b.insert(stamp, hash, ref)
  for (const { stamp, hash, ref } of session.responder.have) a.insert(stamp, hash, ref)
}
