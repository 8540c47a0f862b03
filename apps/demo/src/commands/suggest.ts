/** What people type who know other tools. */
const HABITS: Readonly<Record<string, string>> = {
  bench: 'bench-write',
  check: 'doctor',
  cluster: 'up',
  delete: 'del',
  demo: 'up',
  follow: 'watch',
  info: 'inspect',
  put: 'set',
  read: 'get',
  remove: 'del',
  rm: 'del',
  run: 'node',
  serve: 'node',
  start: 'up',
  stats: 'inspect',
  status: 'inspect',
  subscribe: 'watch',
  unset: 'del',
  write: 'set'
}

/** The word that was probably meant, or undefined. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  const habit = HABITS[word.toLowerCase()]
  if (habit !== undefined && known.includes(habit)) return habit
  const near = known
    .map(each => ({ each, distance: distanceOf(word.toLowerCase(), each.toLowerCase()) }))
    .filter(({ each, distance }) => distance <= Math.max(1, Math.floor(each.length / 3)))
    .sort((a, b) => a.distance - b.distance)
  return near[0]?.each ?? known.find(each => word.length >= 3 && each.startsWith(word))
}

/** Letters to insert, remove, exchange or swap with their neighbour (optimal string alignment). Words on a command line are short. */
function distanceOf(a: string, b: string): number {
  if (a.length > 64) return Infinity
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let least = Math.min(
        (previous[j] as number) + 1,
        (current[j - 1] as number) + 1,
        (previous[j - 1] as number) + (same ? 0 : 1)
      )
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (before[j - 2] as number) + 1)
      }
      current.push(least)
    }
    ;[before, previous] = [previous, current]
  }
  return previous[b.length] as number
}
