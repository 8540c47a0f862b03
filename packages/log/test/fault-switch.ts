import type { StoreContractFaults } from '../src/contract.ts'
import type { Level } from '../src/level.ts'

/** Puts a switch over a real database: off, everything works; on, nothing is written and nothing opens. */
export class FaultSwitch implements StoreContractFaults {
  #state: 'healthy' | 'kept' | 'lost' = 'healthy'

  fail(first: 'kept' | 'lost'): void {
    this.#state = first
  }

  heal(): void {
    this.#state = 'healthy'
  }

  over(level: Level): Level {
    return {
      ...level,
      open: async () => {
        if (this.#state !== 'healthy') throw noSpace()
        await level.open()
      },
      batch: async (operations, options) => {
        if (this.#state === 'healthy') return level.batch(operations, options)
        if (this.#state === 'kept') await level.batch(operations, options)
        this.#state = 'lost'
        throw noSpace()
      }
    }
  }
}

export function noSpace(): Error {
  return Object.assign(new Error('IO error: No space left on device'), { code: 'LEVEL_IO_ERROR' })
}
