/**
 * What every pair of muxes promises, whatever carries it, as cases for any test runner. It passes over QUIC, over TCP with
 * noise and yamux, and over a connection in memory; run it on a transport of your own, or on another implementation of
 * {@link Mux}.
 *
 * @example
 * ```ts
 * import { muxContract } from '@starling/mux/contract'
 * import { test } from 'vitest'
 *
 * for (const { name, run } of muxContract) test(name, () => run(setUpPair))
 * ```
 *
 * @packageDocumentation
 */
import { channelCases } from './contract/channels.ts'
import { hostileStreamCases } from './contract/hostile-streams.ts'
import { limitCases } from './contract/limits.ts'
import { misbehaviourCases } from './contract/misbehaviour.ts'
import { openingCases } from './contract/opening.ts'
import type { MuxContractCase } from './contract/pair.ts'

export type { MuxContractCase, MuxPair, MuxPairSetup } from './contract/pair.ts'

/** The cases. Each sets up what it needs and stops it; each takes seconds at most, and needs a time limit of the runner's. */
export const muxContract: readonly MuxContractCase[] = [
  ...openingCases,
  ...channelCases,
  ...limitCases,
  ...hostileStreamCases,
  ...misbehaviourCases
]
