import { muxContract } from '@starling/mux/contract'
import { describe, test } from 'vitest'
import { setups } from './support/setup.ts'

describe('a mux over QUIC', () => {
  for (const { name, run } of muxContract) test(name, () => run(setups.QUIC))
})
