/**
 * A fault to inject. Counted ones (`nth`) hit the nth such operation from now, 1 being the next one, once.
 *
 * - `full`: after `bytes` more bytes the disk is full; a write that crosses the end is written in part and fails.
 * - `space`: there is space again.
 * - `readError`, `writeError`, `syncError`: the operation fails with EIO. A failed write is written in part. A failed sync
 *   drops the unsynced data of that file (a drawn part of it may have reached the disk), and later syncs succeed.
 * - `misdirectedWrite`: the bytes go to a drawn place of a drawn file and destroy what was there; readers still see them
 *   where they belong until the machine stops.
 * - `lyingSync`: syncs say that they are done and do nothing, until switched off.
 * - `readOnly`: the file system was mounted again, read-only, until switched off.
 * - `latency`: each operation takes a drawn virtual time up to `msMax`. The disk needs timers.
 */
export type DiskFault =
  | { readonly type: 'full'; readonly bytes: number }
  | { readonly type: 'space' }
  | { readonly type: 'readError'; readonly nth: number }
  | { readonly type: 'writeError'; readonly nth: number }
  | { readonly type: 'syncError'; readonly nth: number }
  | { readonly type: 'misdirectedWrite'; readonly nth: number }
  | { readonly type: 'lyingSync'; readonly on: boolean }
  | { readonly type: 'readOnly'; readonly on: boolean }
  | { readonly type: 'latency'; readonly msMax: number }

type CountedFault = 'readError' | 'writeError' | 'syncError' | 'misdirectedWrite'

/** What was done to a disk, by kind. A fault counts when it hits, not when it is injected. */
export interface DiskCounters {
  operations: number
  powerCuts: number
  kills: number
  /** Unsynced operations that a power cut dropped or tore, by a comparison of contents: files that lost something. */
  filesCut: number
  fullErrors: number
  readErrors: number
  writeErrors: number
  syncErrors: number
  misdirectedWrites: number
  syncLies: number
  readOnlyErrors: number
  bitFlips: number
  restores: number
  wipes: number
}

export function noCounts(): DiskCounters {
  return {
    operations: 0,
    powerCuts: 0,
    kills: 0,
    filesCut: 0,
    fullErrors: 0,
    readErrors: 0,
    writeErrors: 0,
    syncErrors: 0,
    misdirectedWrites: 0,
    syncLies: 0,
    readOnlyErrors: 0,
    bitFlips: 0,
    restores: 0,
    wipes: 0
  }
}

/** The faults that wait for their turn or last. */
export class FaultPlan {
  /** Bytes that can still be written before the disk is full. */
  freeBytes: number = Infinity
  lyingSync: boolean = false
  readOnly: boolean = false
  latencyMsMax: number = 0
  readonly #counted = new Map<CountedFault, number>()

  inject(fault: DiskFault): void {
    switch (fault.type) {
      case 'full':
        this.freeBytes = nonNegative(fault.bytes)
        return
      case 'space':
        this.freeBytes = Infinity
        return
      case 'lyingSync':
        this.lyingSync = fault.on
        return
      case 'readOnly':
        this.readOnly = fault.on
        return
      case 'latency':
        this.latencyMsMax = nonNegative(fault.msMax)
        return
      default:
        if (!(Number.isSafeInteger(fault.nth) && fault.nth >= 1)) {
          throw new RangeError(`nth counts from 1, got ${fault.nth}`)
        }
        this.#counted.set(fault.type, fault.nth)
    }
  }

  /** Counts one operation of the kind; true when it is the one to fail. */
  strikes(kind: CountedFault): boolean {
    const left = this.#counted.get(kind)
    if (left === undefined) return false
    if (left > 1) {
      this.#counted.set(kind, left - 1)
      return false
    }
    this.#counted.delete(kind)
    return true
  }

  /** Ends every fault and forgets those that were to come. */
  heal(): void {
    this.freeBytes = Infinity
    this.lyingSync = false
    this.readOnly = false
    this.latencyMsMax = 0
    this.#counted.clear()
  }
}

function nonNegative(value: number): number {
  if (!(value >= 0)) throw new RangeError(`a fault takes 0 or more, got ${value}`)
  return value
}
