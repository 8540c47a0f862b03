import type { Scenario } from './scenario.ts'
import { overlayScenario } from './scenarios/overlay.ts'

/** Every scenario, in the order in which `list` shows them. */
export const SCENARIOS: readonly Scenario[] = [overlayScenario]
