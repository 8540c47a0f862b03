/** The data folder cannot be used: it is not a folder, cannot be read or cannot be written. `cause` is the system's error. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError'
  readonly dataDir: string

  constructor(dataDir: string, problem: string, options?: ErrorOptions) {
    super(
      `The data folder ${dataDir} ${problem}: give a folder that this process may read and write.`,
      options
    )
    this.dataDir = dataDir
  }
}

/** The identity file exists but does not hold a private key. It is never overwritten: a new key would be a new peer. */
export class IdentityDamagedError extends Error {
  override readonly name = 'IdentityDamagedError'
  readonly file: string

  constructor(file: string, options?: ErrorOptions) {
    super(
      `The identity file ${file} does not hold a private key: restore it from a backup, or remove it to become a new peer.`,
      options
    )
    this.file = file
  }
}

/** No listen address could be opened, most often because another process has the port. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly addresses: readonly string[]

  constructor(addresses: readonly string[], options?: ErrorOptions) {
    super(
      `Cannot listen on ${addresses.join(', ')}: the port is taken or the address is not this machine's; choose another, or port 0 for any free one.`,
      options
    )
    this.addresses = addresses
  }
}

/** The node was stopped, or is stopping. */
export class NodeStoppedError extends Error {
  override readonly name = 'NodeStoppedError'

  constructor() {
    super('This node is stopped: create a new one.')
  }
}

/** A map is open under this name with other options. */
export class MapOptionsMismatchError extends Error {
  override readonly name = 'MapOptionsMismatchError'
  readonly map: string

  constructor(map: string) {
    super(`The map "${map}" is already open with other options: use that one, or close it first.`)
    this.map = map
  }
}
