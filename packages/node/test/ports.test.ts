import type { Gossip, SessionPort as GossipSessionPort, Topic } from '@starling/gossip'
import type { ReplicaLog } from '@starling/log'
import type { Mux } from '@starling/mux'
import type { MuxPort, Peers } from '@starling/peers'
import type { BroadcastPort, LogPort, Replica, SyncProtocol as ReplicaProtocol } from '@starling/replica'
import type { NeighborSource, SessionPort as SyncSessionPort, SyncProtocol } from '@starling/sync'
import { expectTypeOf, test } from 'vitest'

// Goal: every part fits the port that another declares, as it is: `node` hands objects along and holds no adapter. The
// compiler is the judge (these files are type-checked by `npm test`); at run time there is nothing left to check.

test('the multiplexer is what peers needs', () => {
  expectTypeOf<Mux>().toExtend<MuxPort>()
})

test('the peer manager is the session port of gossip and of sync', () => {
  expectTypeOf<Peers>().toExtend<GossipSessionPort>()
  expectTypeOf<Peers>().toExtend<SyncSessionPort>()
})

test('a topic is the broadcast of a replica and the neighbours of sync', () => {
  expectTypeOf<ReturnType<Gossip['join']>>().toExtend<Topic>()
  expectTypeOf<Topic>().toExtend<BroadcastPort>()
  expectTypeOf<Topic>().toExtend<NeighborSource>()
})

test('a log is what a replica writes to', () => {
  expectTypeOf<ReplicaLog>().toExtend<LogPort>()
})

test('a replica’s protocol is one that sync runs', () => {
  expectTypeOf<Replica['protocol']>().toExtend<SyncProtocol>()
  expectTypeOf<ReplicaProtocol>().toEqualTypeOf<Replica['protocol']>()
})
