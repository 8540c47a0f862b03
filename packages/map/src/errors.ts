/** The map is closed. Nothing of this call was done; open the map again to use it. */
export class MapClosedError extends Error {
  override readonly name = 'MapClosedError'

  constructor() {
    super('The map is closed; open it again to use it')
  }
}

/** A value is longer than the map allows. Nothing was written. */
export class ValueTooLargeError extends Error {
  override readonly name = 'ValueTooLargeError'
  readonly key: string
  readonly bytesMax: number

  constructor(key: string, bytesMax: number, cause?: unknown) {
    super(
      `The value of key ${JSON.stringify(key)} takes more than ${bytesMax} bytes; split it or store it elsewhere`,
      cause === undefined ? undefined : { cause }
    )
    this.key = key
    this.bytesMax = bytesMax
  }
}

/** The map is full. Nothing was written; delete something, or raise the limit on every node. */
export class QuotaExceededError extends Error {
  override readonly name = 'QuotaExceededError'
  readonly limit: 'entriesMax' | 'bytesMax'
  readonly max: number

  constructor(limit: 'entriesMax' | 'bytesMax', max: number) {
    super(`The map is full (limits.${limit} is ${max}); delete something or raise the limit on every node`)
    this.limit = limit
    this.max = max
  }
}

/** One thing a schema found wrong. */
export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly PropertyKey[]
}

/** The map's schema refuses the value. Nothing was written. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
  readonly key: string
  readonly issues: readonly SchemaIssue[]

  constructor(key: string, issues: readonly SchemaIssue[], cause?: unknown) {
    super(
      `The value of key ${JSON.stringify(key)} does not fit the map's schema: ${issues.map(issue => issue.message).join('; ')}`,
      cause === undefined ? undefined : { cause }
    )
    this.key = key
    this.issues = issues
  }
}

/** Too many watchers. End some: abort their signal, or leave their loop. */
export class WatcherLimitError extends Error {
  override readonly name = 'WatcherLimitError'
  readonly watchersMax: number

  constructor(watchersMax: number) {
    super(`The map has ${watchersMax} watchers already; end one by its signal or by leaving its loop`)
    this.watchersMax = watchersMax
  }
}
