/** One durable log: entries under keys, in a folder of its own. */
export interface LogContender {
  /** Resolves once the entry is on disk. */
  append(index: number): Promise<void>
  close(): Promise<void>
}

/** Opens an empty log in a folder. */
export type OpenLog = (folder: string) => Promise<LogContender>

const PRIME = 0x9e37_79b1

function hex(number: number): string {
  return (number >>> 0).toString(16).padStart(8, '0')
}

/** 16 characters that look as if drawn at random. */
export function keyOf(index: number): string {
  return hex(Math.imul(index, PRIME)) + hex(index)
}

/** A small value, as JSON. */
export function valueOf(index: number): string {
  return JSON.stringify({ n: index, s: `v${index % 1000}`, b: index % 2 === 0 })
}

/**
 * Lets a writer of many entries at once write what came meanwhile as the next group: the least group commit there is.
 *
 * @param write makes the entries durable.
 */
export function grouped<Entry>(
  write: (entries: readonly Entry[]) => Promise<void>
): (entry: Entry) => Promise<void> {
  let waiting: {
    readonly entry: Entry
    readonly resolve: () => void
    readonly reject: (error: unknown) => void
  }[] = []
  let running = false
  const run = async (): Promise<void> => {
    running = true
    // What is issued in the same turn, or by whoever was just answered, shares a write.
    for (let turn = 0; turn < 4; turn++) await Promise.resolve()
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      try {
        await write(group.map(one => one.entry))
        for (const { resolve } of group) resolve()
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
      for (let turn = 0; turn < 4; turn++) await Promise.resolve()
    }
    running = false
  }
  return entry =>
    new Promise((resolve, reject) => {
      waiting.push({ entry, resolve, reject })
      if (!running) void run()
    })
}
