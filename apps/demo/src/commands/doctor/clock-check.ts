import type { NodeInfo } from '../../api/types.ts'
import { UsageError } from '../../usage-error.ts'
import type { Client } from '../client.ts'
import { failed, ok, reasonOf, warning, type Finding } from './check.ts'

/** Difference of two clocks beyond which nodes refuse each other, ms: the default of `driftMsMax`. */
const DRIFT_MS_MAX = 60_000
/** Difference worth a word, ms: with it, of two writes the wrong one may seem the later. */
const DRIFT_MS_WARN = 1000
/** Questions asked; the quickest answer counts, because it says most. */
const QUESTIONS = 5

/** How far a node's wall clock is from this host's, by the quickest of a few answers. */
export async function clockSkew(connect: () => Promise<Client>): Promise<Finding> {
  const check = 'clock'
  let best: { skewMs: number; errorMs: number } | undefined
  try {
    const client = await connect()
    for (let question = 0; question < QUESTIONS; question++) {
      const sentMs = Date.now()
      const { nowMs } = (await client.json('node')) as NodeInfo
      const gotMs = Date.now()
      const errorMs = (gotMs - sentMs) / 2
      if (best === undefined || errorMs < best.errorMs)
        best = { skewMs: nowMs - (sentMs + gotMs) / 2, errorMs }
    }
  } catch (error) {
    if (error instanceof UsageError) throw error
    return failed(check, reasonOf(error), 'Give the address of a running node with --url.')
  }
  const { skewMs, errorMs } = best ?? { skewMs: 0, errorMs: 0 }
  const found = `that node's clock is ${Math.abs(Math.round(skewMs))} ms ${skewMs < 0 ? 'behind' : 'ahead'} (within ${Math.ceil(errorMs)} ms)`
  const apartMs = Math.abs(skewMs) - errorMs
  if (apartMs >= DRIFT_MS_MAX) {
    return failed(
      check,
      found,
      `Set the clocks by NTP: nodes more than ${DRIFT_MS_MAX / 1000} s apart exchange nothing.`
    )
  }
  return apartMs < DRIFT_MS_WARN
    ? ok(check, found)
    : warning(check, found, 'Set the clocks by NTP: expiry and the order of concurrent writes go by them.')
}
