import type { ProcessState } from '../../../src/api/types.ts'
import { shortId } from './overlay.ts'

/** How long, in the largest unit that says enough: `4 s`, `3 min`, `2 h`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 90) return `${seconds} s`
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3_600)} h`
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en-GB')} ${n === 1 ? one : many}`
}

export function bytes(n: number): string {
  if (n < 1_000) return `${Math.round(n)} B`
  if (n < 1_000_000) return `${(n / 1_000).toFixed(n < 10_000 ? 1 : 0)} kB`
  return `${(n / 1_000_000).toFixed(1)} MB`
}

export function timeOfDay(atMs: number): string {
  return new Date(atMs).toLocaleTimeString('en-GB')
}

const EVENTS: Readonly<Record<string, string>> = {
  'peer:join': 'is in session with',
  'peer:leave': 'is no longer in session with',
  'peer:suspect': 'has not heard lately from',
  'peer:alive': 'hears again from'
}

/** An event of a node as a sentence without its subject, with peers by name, or by the end of their ids, which all begin alike. */
export function eventText(type: string, text: string, names: ReadonlyMap<string, string>): string {
  const words = EVENTS[type]
  const said = words !== undefined && text.startsWith(`${type} `) ? words + text.slice(type.length) : text
  return said.replaceAll(/12D3KooW\w{44}/g, id => names.get(id) ?? shortId(id))
}

/** What a state of a process means for somebody who has never seen one. */
export const STATE_MEANING: Readonly<Record<ProcessState, string>> = {
  starting: 'starting, reading its store',
  running: 'running',
  paused: 'paused: alive but silent',
  killed: 'killed: its store is kept',
  stopped: 'stopped: it said goodbye'
}
