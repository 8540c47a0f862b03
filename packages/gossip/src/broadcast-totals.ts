import type { PlumtreeStats } from '@starling/plumtree'
import type { BroadcastTotals } from './types.ts'

export const NO_BROADCASTS: BroadcastTotals = {
  broadcasts: 0,
  delivered: 0,
  redundant: 0,
  controlSent: 0,
  controlReceived: 0,
  lateGrafts: 0,
  abandoned: 0
}

/** Adds what a topic's tree has done. */
export function addBroadcasts(totals: BroadcastTotals, tree: PlumtreeStats): BroadcastTotals {
  return {
    broadcasts: totals.broadcasts + tree.broadcasts,
    delivered: totals.delivered + tree.delivered,
    redundant: totals.redundant + tree.duplicates,
    controlSent: totals.controlSent + controlOf(tree.sent),
    controlReceived: totals.controlReceived + controlOf(tree.received),
    lateGrafts: totals.lateGrafts + tree.lateGrafts,
    abandoned: totals.abandoned + tree.abandoned
  }
}

function controlOf({ ihave, graft, prune, unavailable }: PlumtreeStats['sent']): number {
  return ihave + graft + prune + unavailable
}
