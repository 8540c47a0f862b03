import { HybridLogicalClock, stampOf, type Stamp } from '@starling/hlc'
import type { ClockContender } from './clock-contender.ts'

/** Ours, with the drift bound, and stamps packed into one number. */
export function createStarlingClock(): ClockContender {
  const clock = new HybridLogicalClock()
  return {
    now(count) {
      let last: Stamp = 0n
      for (let i = 0; i < count; i++) last = clock.now(Date.now())
      if (last !== clock.last) throw new Error('the clock lost a stamp')
    },
    receive(count) {
      const stamp = stampOf(Date.now() - 1000)
      let accepted = 0
      for (let i = 0; i < count; i++) if (clock.receive(stamp, Date.now()).ok) accepted++
      if (accepted !== count) throw new Error('the clock refused a stamp')
    }
  }
}
