import { median } from './statistics.ts'

/** What one contender did in one round. */
export interface Timed {
  readonly elapsedMs: number
  readonly operations: number
}

/** One contender of a timed case. `run` prepares untimed, works, and says how long the work alone took. */
export interface TimedContender {
  readonly name: string
  run(): Timed | Promise<Timed>
}

export interface RoundsOptions {
  readonly rounds: number
  /**
   * How long one contender may take over all rounds, what is not timed included, in ms. One that has used it up is left out of
   * the rounds that follow, but never before one of its rounds has counted. Default: without end.
   */
  readonly patienceMs?: number
  /** A contender that throws leaves the case; the others go on. */
  readonly onFailure: (name: string, reason: string) => void
}

/**
 * Lets the contenders work in turn, round after round, so that a machine that slows down slows all of them; the order turns
 * from round to round. The first round warms up and does not count.
 *
 * No garbage is collected by force: that makes the engine forget the code it made for shapes of which no object is left, and
 * decoding took eight times, merging twice as long (measured). What one leaves behind is dead when the next one works, and a
 * collector pays for what lives.
 *
 * @returns for each contender the median time of one operation over the rounds, in ms.
 */
export async function interleave(
  contenders: readonly TimedContender[],
  { rounds, patienceMs = Infinity, onFailure }: RoundsOptions
): Promise<Map<string, number>> {
  const perOperation = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  const spentMs = new Map<string, number>()
  for (let round = 0; round <= rounds; round++) {
    const turn = round % contenders.length
    for (const contender of [...contenders.slice(turn), ...contenders.slice(0, turn)]) {
      const times = perOperation.get(contender.name)
      const spent = spentMs.get(contender.name) ?? 0
      if (times === undefined || (times.length > 0 && spent > patienceMs)) continue
      const startMs = performance.now()
      try {
        const { elapsedMs, operations } = await contender.run()
        if (operations === 0) throw new Error('no operation was done within the budget')
        if (round > 0) times.push(elapsedMs / operations)
      } catch (error) {
        perOperation.delete(contender.name)
        onFailure(contender.name, messageOf(error))
      }
      spentMs.set(contender.name, spent + performance.now() - startMs)
    }
  }
  return new Map([...perOperation].map(([name, times]) => [name, median(times)]))
}

/**
 * Works through batches until they end or the budget is spent; only the work is timed, not the making of a batch.
 *
 * @param work returns how many operations it did.
 */
export function timeBatches<Batch>(
  batches: Iterable<Batch>,
  budgetMs: number,
  work: (batch: Batch) => number
): Timed {
  let elapsedMs = 0
  let operations = 0
  for (const batch of batches) {
    const startMs = performance.now()
    operations += work(batch)
    elapsedMs += performance.now() - startMs
    if (elapsedMs >= budgetMs) break
  }
  return { elapsedMs, operations }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? error.name) : String(error)
}
