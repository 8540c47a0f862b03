import { muxContract } from '@starling/mux/contract'
import { describe, test } from 'vitest'
import { setups } from './support/setup.ts'

describe('a mux over an in-memory connection', () => {
  for (const { name, run } of muxContract) test(name, () => run(setups['in memory']))
})
