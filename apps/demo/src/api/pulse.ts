import type { BroadcastSeen, Inspection, Pulse } from './types.ts'

/** What a pulse says beside the inspection. */
export interface PulseExtras {
  readonly name: string
  readonly atMs: number
  readonly broadcasts: readonly BroadcastSeen[]
  readonly broadcastsLeftOff: number
}

/** The short form of an inspection that a node tells once a second. */
export function pulseOf(inspection: Inspection, extras: PulseExtras): Pulse {
  const { id, swarms, maps, totals } = inspection
  return {
    id,
    ...extras,
    swarms: swarms.map(({ topic, links, passive }) => ({ topic, links, passive })),
    maps: maps.map(({ name, size, fingerprint, health, conflicts, lagging }) => ({
      name,
      size,
      fingerprint,
      health: health.states,
      conflicts,
      lagging
    })),
    counters: totals
  }
}
