import type { MapEvent } from '@starling/node'
import type { ServerEvent } from './event-stream.ts'
import { toJson } from './json-value.ts'
import type { ServedMap } from './served-map.ts'
import type { Change } from './types.ts'

/** Where a watch begins. */
export interface WatchStart {
  readonly from: 'snapshot' | 'now'
  /** The reader has read before and lost its connection: what it holds may be out of date. */
  readonly again: boolean
}

/**
 * A map's changes as server-sent events: `change` for each, and `snapshot` once the snapshot has been sent. A map keeps no history, so
 * a reader that comes back cannot go on where it was: it gets a `resync` first and, if it asked for one, a fresh snapshot.
 *
 * The map keeps the newest state of at most `watchKeysMax` keys for a reader that is slow; one that is slower gets `resync`, and its
 * snapshot again.
 *
 * @throws WatcherLimitError, MapClosedError
 */
export function watchEvents(
  map: ServedMap,
  start: WatchStart,
  signal: AbortSignal
): AsyncGenerator<ServerEvent, undefined> {
  return follow(map, map.watch({ signal, from: start.from }), start)
}

async function* follow(
  map: ServedMap,
  watch: AsyncIterator<MapEvent<unknown>>,
  { from, again }: WatchStart
): AsyncGenerator<ServerEvent, undefined> {
  const next = (): Promise<IteratorResult<MapEvent<unknown>, undefined>> => {
    const promise = watch.next()
    // A reader that leaves does not wait for it.
    promise.catch(() => {})
    return promise
  }
  // Any id will do: a browser sends the last one when it comes back, and says with it that it was here before.
  let number = 0
  if (again) yield changeEvent({ type: 'resync' }, ++number)
  let inSnapshot = from === 'snapshot'
  let pending = next()
  for (;;) {
    // A snapshot's entries are there at once: what is not was not part of it.
    const soon = inSnapshot ? await Promise.race([pending, settled()]) : await pending
    const ofSnapshot = soon !== undefined && soon.done !== true && isOfSnapshot(soon.value)
    if (inSnapshot && !ofSnapshot) {
      inSnapshot = false
      yield { name: 'snapshot', data: { size: map.size }, id: String(++number) }
      continue
    }
    if (soon === undefined) continue
    if (soon.done === true) return undefined
    pending = next()
    // A snapshot begins anew after a resync.
    if (soon.value.type === 'resync') inSnapshot = from === 'snapshot'
    yield changeEvent(changeOf(soon.value), ++number)
  }
}

const isOfSnapshot = ({ type, origin }: MapEvent<unknown>): boolean =>
  type === 'resync' || origin === 'snapshot'

/** After everything that is ready has been delivered. */
function settled(): Promise<undefined> {
  return new Promise(resolve => {
    setImmediate(resolve, undefined)
  })
}

function changeEvent(change: Change, number: number): ServerEvent {
  return { name: 'change', data: change, id: String(number) }
}

function changeOf(event: MapEvent<unknown>): Change {
  const { type, key, version, origin } = event
  if (type === 'resync') return { type }
  return {
    type,
    key,
    ...(version === undefined ? {} : { version, value: toJson(event.value) }),
    ...(origin === undefined ? {} : { origin })
  }
}
