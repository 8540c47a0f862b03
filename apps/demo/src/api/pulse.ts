import type { NodeInspection } from '@starling/node'
import type { BroadcastSeen, Pulse } from './types.ts'

/** What a pulse says beside the inspection. */
export interface PulseExtras {
  readonly name: string
  readonly atMs: number
  readonly broadcasts: readonly BroadcastSeen[]
  readonly broadcastsLeftOff: number
}

/** The short form of an inspection that a node tells once a second. */
export function pulseOf(inspection: NodeInspection, extras: PulseExtras): Pulse {
  const { gossip, maps } = inspection
  return {
    id: inspection.id,
    ...extras,
    swarms: maps.map(({ name, neighbors }) => ({
      topic: name,
      links: neighbors.map(peer => ({ peer, eager: true })),
      passive: 0
    })),
    maps: maps.map(map => ({
      name: map.name,
      size: map.keys,
      fingerprint: '',
      health: map.health.states,
      conflicts: 0,
      lagging: []
    })),
    counters: {
      messagesSent: gossip.framesSent,
      messagesReceived: gossip.framesReceived,
      bytesSent: gossip.bytesSent,
      bytesReceived: gossip.bytesReceived,
      writes: sum(maps.map(({ stats }) => stats.replica.localWrites)),
      delivered: sum(maps.map(({ gossip: { tree } }) => tree.delivered)),
      redundant: sum(maps.map(({ gossip: { tree } }) => tree.duplicates))
    }
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)
