import type { Scenario } from './scenario.ts'
import { clusterScenario } from './scenarios/cluster.ts'
import { broadcastScenario } from './scenarios/broadcast.ts'
import { churnScenario } from './scenarios/churn.ts'
import { eclipseScenario } from './scenarios/eclipse.ts'
import { failuresScenario } from './scenarios/failures.ts'
import { overlayScenario } from './scenarios/overlay.ts'
import { partitionScenario } from './scenarios/partition.ts'
import { swarmScenario } from './scenarios/swarm.ts'

/** Every scenario, in the order in which `list` shows them. */
export const SCENARIOS: readonly Scenario[] = [
  overlayScenario,
  broadcastScenario,
  failuresScenario,
  churnScenario,
  partitionScenario,
  eclipseScenario,
  swarmScenario,
  clusterScenario
]
