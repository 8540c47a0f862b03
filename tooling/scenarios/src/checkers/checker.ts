import type { BroadcastWorld } from '../broadcast-world.ts'
import type { Plan } from '../plan.ts'
import type { Metrics } from '../report.ts'
import type { Violations } from '../violations.ts'

/** Watches one promise during a run. It changes nothing and draws nothing. */
export interface Checker {
  /** After each input of a node. Looks at that node alone. */
  step?(node: number): void
  /** At every second of virtual time. */
  sample?(): void
  /** All faults have just ended. */
  healed?(): void
  /** At the end of the run: last complaints, and what was measured. */
  end?(): Metrics
}

/** How a checker is made. */
export type CheckerClass = new (world: BroadcastWorld, plan: Plan, violations: Violations) => Checker
