/**
 * A deterministic simulator: virtual time, seeded randomness, a network and a disk with faults, and traces.
 *
 * It runs thousands of state machines, or programs written against `@starling/ports`, in one thread with no real clock,
 * socket or timer; the same seed gives the same run. It is not a model checker and not a mock: what runs in it is the code
 * that runs in production.
 *
 * @example
 * ```ts
 * import { createSimulation, SimNetwork } from '@starling/sim'
 *
 * const simulation = createSimulation({ seed: 1 })
 * const network = new SimNetwork<string>(simulation)
 * const a = network.attach({ message: (from, text) => console.log(from, text, simulation.nowMs) })
 * const b = network.attach({ message: () => {} })
 * network.send(b, a, 'hello')
 * simulation.run()
 * console.log(simulation.trace.hash)
 * ```
 *
 * @packageDocumentation
 */
export {
  CHANNEL_QUEUE_BYTES,
  CHANNEL_WINDOW_BYTES,
  CRASH_CONTENTS_MAX,
  CRASH_IMAGES_MAX,
  EPOCH_WALL_MS,
  EVENTS_PENDING_MAX,
  LATENCY_MS,
  LEVEL_TABLES_MAX,
  LEVEL_WRITE_BUFFER_BYTES,
  PARTITION_DETECTION_MS
} from './config.ts'
export {
  ChannelClosedError,
  ChannelQueueFullError,
  ChannelTruncatedError,
  DialFailedError,
  StreamLostError,
  StreamRefusedError,
  TagTakenError
} from './connections/connection-errors.ts'
export { ConnectionNetwork } from './connections/connection-network.ts'
export type { SimChannel } from './connections/channel.ts'
export type { SimConnection } from './connections/connection.ts'
export type {
  CancelSignal,
  ChannelHandler,
  ChannelRefusal,
  ConnectionEvent,
  ConnectionNetworkInit,
  DialOutcome,
  HandleChannelOptions,
  Identity,
  InboundChannel,
  OpenChannelOptions
} from './connections/connection-types.ts'
export type { SimHost } from './connections/host.ts'
export type { StreamTap } from './connections/stream-tap.ts'
export { digest, finish, mix, mixText } from './digest.ts'
export { crashImages, drawCrashImage, type CrashImages } from './disk/crash-images.ts'
export { DiskError, type DiskErrorCode } from './disk/disk-error.ts'
export type { DiskFile, DiskProcess, OpenOptions } from './disk/disk-process.ts'
export type { DiskCounters, DiskFault } from './disk/faults.ts'
export type { DataOperation } from './disk/file-node.ts'
export type { FolderEntry, FolderOperation, Names } from './disk/folder-node.ts'
export { imageKey, type DiskImage, type DiskState } from './disk/image.ts'
export { SimDisk, type DiskOperation, type SimDiskInit } from './disk/sim-disk.ts'
export { EventQueueFullError, RealWorkError, StalledError, StepLimitError } from './errors.ts'
export { EventQueue } from './event-queue.ts'
export type { SimLevelOperation } from './level/entries.ts'
export { SimLevelError, type SimLevelErrorCode } from './level/level-error.ts'
export { SimLevel, type SimLevelInit, type SimLevelRange, type SimLevelScan } from './level/sim-level.ts'
export { SimNetwork } from './network.ts'
export type { NetworkCounters, NetworkNode, NodeIndex, SimNetworkInit } from './network-types.ts'
export type { NodePorts, NodePortsInit } from './node-ports.ts'
export type { AsyncHost } from './run-async.ts'
export { createSimulation, type SimEvent, type Simulation, type SimulationInit } from './simulation.ts'
export type { Trace } from './trace.ts'
