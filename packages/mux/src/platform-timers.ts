import { clearTimeout, setTimeout } from 'node:timers'
import type { Timers } from '@starling/ports'

/**
 * What `mux()` runs on when it is handed no timers, as in a libp2p node that knows nothing of Starling. Unreferenced: a
 * pending deadline alone does not keep the process alive.
 */
export const platformTimers: Timers = {
  schedule(delayMs, task) {
    const timeout = setTimeout(task, delayMs)
    timeout.unref()
    return { cancel: () => clearTimeout(timeout) }
  }
}
