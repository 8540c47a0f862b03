/**
 * The replicated map: shaped like an ES `Map`, with reads that are synchronous and local, and writes that resolve once they are
 * durable. Every node holds all of it, concurrent writes of one key are kept until a later write settles them, and it can be
 * watched. It is not a cache (nothing is evicted) and not a lock (`setIf` is a local check).
 *
 * @example
 * ```ts
 * import { createMap } from '@starling/map'
 *
 * const flags = await createMap<{ on: boolean }>({
 *   ...systemPorts,
 *   open: async owner => ({ replica: await createReplica(components, { name: 'flags', owner }) })
 * })
 * await flags.set('checkout-v2', { on: true })
 * flags.get('checkout-v2')
 * for await (const event of flags.watch({ from: 'snapshot', signal })) console.log(event.type, event.key, event.value)
 * ```
 *
 * @packageDocumentation
 */
export { MAP_LIMITS, type MapLimits } from './config.ts'
export {
  ImportError,
  MapClosedError,
  RenewalLimitError,
  SchemaError,
  ValueTooLargeError,
  WatcherLimitError,
  type SchemaIssue
} from './errors.ts'
export { createMap } from './map.ts'
export { QuotaExceededError } from '@starling/ormap'
export type { Schema, StandardResult, StandardSchema } from './schema.ts'
export type { SyncSessionView, SyncView } from './synced.ts'
export type {
  BatchOperation,
  Conflict,
  HealthState,
  Imported,
  MapComponents,
  MapEvent,
  MapHealth,
  MapInit,
  MapStats,
  OpenedReplica,
  Origin,
  RangeOptions,
  ReplicatedMap,
  SetOptions,
  StaleValue,
  Versioned,
  WatchOptions,
  WriteOptions,
  Written
} from './types.ts'
