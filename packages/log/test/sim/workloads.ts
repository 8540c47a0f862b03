import type { Change, History } from './history.ts'
import type { OpenStore } from './machine.ts'

/** What is done to a store: in each life it is opened, used and closed. */
export interface Workload {
  readonly logs: readonly string[]
  durability(log: string): 'sync' | 'async'
  readonly lives: readonly ((open: OpenStore, history: History) => Promise<void>)[]
}

const live = (key: string, value: string | undefined): Change => ({ kind: 'live', key, value })

/** Two appends to a new store. */
export const tiny: Workload = {
  logs: ['a'],
  durability: () => 'sync',
  lives: [
    async (open, history) => {
      await open.append(history, 'a', [live('k', '1'), live('n', '1')], 10n)
      await open.append(history, 'a', [live('k', undefined), live('n', '2')], 12n)
    }
  ]
}

/** Three appends and a clean restart. */
export const small: Workload = {
  ...tiny,
  lives: [
    ...tiny.lives,
    async (open, history) => {
      await open.append(history, 'a', [live('n', '3')], 13n)
    }
  ]
}

/** Twelve appends to two logs: alone, at once, large, small, deleting, empty, over a restart and several tables. */
export function mixed(durability: (log: string) => 'sync' | 'async'): Workload {
  return {
    logs: ['a', 'b'],
    durability,
    lives: [
      async (open, history) => {
        await open.append(history, 'a', [live('k', '1'), live('n', '1')], 10n)
        await Promise.all([
          open.append(history, 'a', [live('k', '2')], 11n),
          open.append(history, 'b', [live('k', '3'), { kind: 'evidence', key: 'k', value: '3' }], 9n),
          open.append(history, 'a', [live('k', undefined), live('n', '4')], 12n)
        ])
        await open.append(history, 'b', [live('large', '5'.repeat(5_000))], 13n)
      },
      async (open, history) => {
        for (let i = 6; i < 10; i++) {
          await open.append(history, 'a', [live('n', `${i}`.repeat(300))], BigInt(i + 10))
        }
        await Promise.all([
          open.append(history, 'b', [live('large', undefined), live('end', '11')], 20n),
          open.append(history, 'a', [], 30n)
        ])
        await open.append(history, 'a', [live('end', '12')], 31n)
      }
    ]
  }
}
