import type { Pulse } from '../api/types.ts'

/** Whether all pulses are there and tell of equal maps. Nobody agrees with nobody. */
export function agreement(pulses: readonly (Pulse | undefined)[]): boolean {
  const [first, ...others] = pulses.map(pulse => (pulse === undefined ? undefined : mapsOf(pulse)))
  return first !== undefined && first !== '' && others.every(maps => maps === first)
}

function mapsOf({ maps }: Pulse): string {
  if (maps.some(({ fingerprint }) => fingerprint === '')) return ''
  return maps
    .map(({ name, fingerprint }) => `${name} ${fingerprint}`)
    .sort()
    .join('\n')
}
