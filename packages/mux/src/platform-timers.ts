import { clearImmediate, clearTimeout, setImmediate, setTimeout } from 'node:timers'
import type { Timers } from '@starling/ports'

/**
 * What `mux()` runs on when it is handed no timers, as in a libp2p node that knows nothing of Starling. Unreferenced: a
 * pending deadline alone does not keep the process alive. A delay of nothing is the end of the turn of the event loop; as a
 * timeout it would be a millisecond, which is several round trips on a local network.
 */
export const platformTimers: Timers = {
  schedule(delayMs, task) {
    if (delayMs === 0) {
      const immediate = setImmediate(task)
      return { cancel: () => clearImmediate(immediate) }
    }
    const timeout = setTimeout(task, delayMs)
    timeout.unref()
    return { cancel: () => clearTimeout(timeout) }
  }
}
