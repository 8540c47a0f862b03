/** What a swarm of nodes did with the broadcasts of a case. */
export interface SwarmFigures {
  /** Payload copies received for each delivery: 1 is a perfect tree. */
  readonly copiesPerDelivery: number
  /** Bytes handed to the transport for each delivery, every kind of message included. */
  readonly bytesPerDelivery: number
  /** Median time from the broadcast to one delivery. */
  readonly p50Ms: number
}

/** Totals of all nodes so far. */
export interface SwarmTotals {
  readonly copies: number
  readonly bytes: number
}

/** Nodes of one kind in this process, connected and warm. */
export interface GossipSwarm {
  readonly size: number
  broadcast(node: number, payload: Uint8Array): void
  /** Called for each payload that a node receives from another one for the first time. */
  onDelivery(listener: (node: number, payload: Uint8Array) => void): void
  totals(): SwarmTotals
  stop(): Promise<void>
}

/** What all contenders are given: the same number of nodes, and the same delay of each buffer that is written. */
export interface SwarmInit {
  readonly nodes: number
  readonly latencyMs: number
}

/** Starts a swarm and resolves when every node has found its place. */
export type StartSwarm = (init: SwarmInit) => Promise<GossipSwarm>
