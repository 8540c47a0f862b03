import type { ClusterMember } from '../../../src/api/types.ts'
import { DIFFERS_AFTER_MS } from '../config.ts'

/** Running members whose maps are not what most running members hold, and since when the page has seen that. */
export class Differences {
  #sinceMs = new Map<number, number>()

  /** Compares the fingerprints in the newest pulses. Returns index → since when, for those that have differed for a while. */
  update(members: readonly ClusterMember[], atMs: number): ReadonlyMap<number, number> {
    const now = differing(members)
    this.#sinceMs = new Map([...now].map(index => [index, this.#sinceMs.get(index) ?? atMs]))
    return new Map([...this.#sinceMs].filter(([, sinceMs]) => atMs - sinceMs >= DIFFERS_AFTER_MS))
  }
}

/**
 * With no majority, everybody but the lowest of the largest groups differs: somebody has to be the measure, and it must not change from
 * one pulse to the next.
 */
function differing(members: readonly ClusterMember[]): ReadonlySet<number> {
  const running = members.flatMap(({ index, state, pulse }) =>
    state === 'running' && pulse !== undefined ? [{ index, pulse }] : []
  )
  const names = new Set(running.flatMap(({ pulse }) => pulse.maps.map(({ name }) => name)))
  const found = new Set<number>()
  for (const name of names) {
    const groups = new Map<string, number[]>()
    for (const { index, pulse } of running) {
      const map = pulse.maps.find(other => other.name === name)
      // A node that does not host the map has nothing to differ in.
      if (map === undefined) continue
      const group = groups.get(map.fingerprint)
      if (group === undefined) groups.set(map.fingerprint, [index])
      else group.push(index)
    }
    const bySize = [...groups.values()].sort((a, b) => b.length - a.length || (a[0] ?? 0) - (b[0] ?? 0))
    for (const group of bySize.slice(1)) for (const index of group) found.add(index)
  }
  return found
}
