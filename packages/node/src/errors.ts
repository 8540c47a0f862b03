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

/** A chosen transport cannot be loaded here, most often because QUIC has no binary for this platform. `cause` is why. */
export class TransportUnavailableError extends Error {
  override readonly name = 'TransportUnavailableError'
  readonly transport: 'quic' | 'tcp'

  constructor(transport: 'quic' | 'tcp', options?: ErrorOptions) {
    super(transport === 'quic' ? QUIC_UNAVAILABLE : TCP_UNAVAILABLE, options)
    this.transport = transport
  }
}

const QUIC_UNAVAILABLE =
  `QUIC cannot be loaded on this machine (${process.platform} ${process.arch}): its binary is missing or does not fit. ` +
  "Set transports: 'tcp' on this node and 'both' on those it is to talk to; or, if the platform is one that QUIC supports, " +
  'install the dependencies again with optional ones included.'
const TCP_UNAVAILABLE = 'TCP cannot be loaded on this machine: install the dependencies again.'

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

/** The file of saved peers cannot be read or written. A warning: the node goes on without it. `cause` is why. */
export class SavedPeersError extends Error {
  override readonly name = 'SavedPeersError'
  readonly file: string

  constructor(file: string, problem: 'read' | 'written', options?: ErrorOptions) {
    super(
      problem === 'read'
        ? `The saved peers in ${file} cannot be read and are ignored; the file is replaced when new ones are known.`
        : `The saved peers cannot be written to ${file}: see that the data folder has room and may be written.`,
      options
    )
    this.file = file
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
