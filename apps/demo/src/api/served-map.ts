import type { ReplicatedMap } from '@starling/node'

/** What of a map is served. */
export type ServedMap = Pick<
  ReplicatedMap<unknown>,
  | 'size'
  | 'getWithVersion'
  | 'conflicts'
  | 'presence'
  | 'range'
  | 'watch'
  | 'health'
  | 'set'
  | 'setIf'
  | 'delete'
  | 'deleteIf'
>
