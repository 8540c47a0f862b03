import type { Suite } from './suite.ts'
import { clockSuite } from './suites/clock.ts'
import { codecSuite } from './suites/codec.ts'
import { crdtSuite } from './suites/crdt.ts'
import { gossipSuite } from './suites/gossip.ts'
import { logSuite } from './suites/log.ts'
import { mapSuite } from './suites/map.ts'
import { muxSuite } from './suites/mux.ts'
import { reconcileSuite } from './suites/reconcile.ts'

/** Every suite, in the order in which they run. */
export const SUITES: readonly Suite[] = [
  codecSuite,
  clockSuite,
  crdtSuite,
  reconcileSuite,
  logSuite,
  muxSuite,
  gossipSuite,
  mapSuite
]
