import type { Factory } from '../contenders.ts'
import { FLOOR, OURS } from '../suite.ts'
import { createAutomergeMap } from './automerge-map.ts'
import { floorMap } from './floor-map.ts'
import { createLoroMap } from './loro-map.ts'
import type { MapContender } from './map-contender.ts'
import { starlingMap } from './starling-map.ts'
import { createTinybaseMap } from './tinybase-map.ts'
import { createYjsMap } from './yjs-map.ts'

/** Everything that can hold a replicated map, by the name it has in the report. */
export const MAPS: Readonly<Record<string, Factory<MapContender>>> = {
  [OURS]: () => starlingMap,
  [FLOOR]: () => floorMap,
  yjs: createYjsMap,
  loro: createLoroMap,
  tinybase: createTinybaseMap,
  automerge: createAutomergeMap
}
