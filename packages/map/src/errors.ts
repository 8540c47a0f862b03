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

/** Too many keys are renewed by this node. Stop renewing some: write them without `renew`, or delete them. */
export class RenewalLimitError extends Error {
  override readonly name = 'RenewalLimitError'
  readonly renewalsMax: number

  constructor(renewalsMax: number) {
    super(`This node renews ${renewalsMax} keys of the map already; write some without renew or delete them`)
    this.renewalsMax = renewalsMax
  }
}

/** A line is not what an export writes, or could not be written. What came before `line` in whole batches is written and stays. */
export class ImportError extends Error {
  override readonly name = 'ImportError'
  /** Number of the line, from 1. For an error of writing, the first line of the batch that was not written. */
  readonly line: number

  constructor(line: number, detail: string, cause?: unknown) {
    super(`Line ${line} of the import: ${detail}`, cause === undefined ? undefined : { cause })
    this.line = line
  }
}
