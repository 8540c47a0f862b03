// As much of each peer as is measured. With these the benchmarks compile and are checked where the peers are not installed.

declare module 'cborg' {
  export function encode(value: unknown): Uint8Array
  export function decode(bytes: Uint8Array): unknown
}

declare module 'cbor-x' {
  export class Encoder {
    constructor(options: { useRecords: boolean })
    encode(value: unknown): Uint8Array
    decode(bytes: Uint8Array): unknown
  }
}

declare module 'msgpackr' {
  export class Packr {
    constructor(options: { useRecords: boolean })
    pack(value: unknown): Uint8Array
    unpack(bytes: Uint8Array): unknown
  }
}

declare module '@consento/hlc' {
  export interface Timestamp {
    readonly wallTime: bigint
  }
  export default class HLC {
    now(): Timestamp
    update(other: Timestamp): void
  }
}

declare module 'tinybase' {
  export function getHlcFunctions(
    uniqueId: string
  ): [getNextHlc: () => string, seenHlc: (hlc: string) => void, ...rest: unknown[]]
  export interface MergeableStore {
    setValue(id: string, value: string): this
    getValue(id: string): string | undefined
    getValueIds(): string[]
    transaction(actions: () => void): void
    addDidFinishTransactionListener(listener: () => void): string
    getTransactionMergeableChanges(): unknown
    applyMergeableChanges(changes: unknown): this
    getMergeableContent(): unknown
    setMergeableContent(content: unknown): this
  }
  export function createMergeableStore(uniqueId: string): MergeableStore
}

declare module 'yjs' {
  export interface Map {
    readonly size: number
    set(key: string, value: unknown): unknown
    get(key: string): unknown
    observe(
      listener: (event: {
        readonly keysChanged: ReadonlySet<string>
        readonly transaction: { readonly origin: unknown }
      }) => void
    ): void
  }
  export class Doc {
    getMap(name: string): Map
    on(event: 'update', listener: (update: Uint8Array, origin: unknown) => void): void
    transact(change: () => void): void
    destroy(): void
  }
  export function applyUpdate(doc: Doc, update: Uint8Array, origin?: unknown): void
  export function encodeStateAsUpdate(doc: Doc): Uint8Array
}

declare module 'ws' {
  import type { EventEmitter } from 'node:events'
  import type { AddressInfo } from 'node:net'
  export class WebSocket extends EventEmitter {
    constructor(address: string)
    binaryType: string
    send(data: Uint8Array): void
    terminate(): void
  }
  export class WebSocketServer extends EventEmitter {
    constructor(options: { readonly port: number; readonly host: string })
    address(): AddressInfo
    close(): void
  }
}

declare module 'loro-crdt' {
  export interface LoroMap {
    readonly size: number
    set(key: string, value: unknown): void
    get(key: string): unknown
    keys(): string[]
  }
  export class LoroDoc {
    getMap(name: string): LoroMap
    commit(): void
    subscribeLocalUpdates(listener: (update: Uint8Array) => void): () => void
    import(bytes: Uint8Array): unknown
    export(options: { mode: 'snapshot' }): Uint8Array
    free(): void
  }
}

declare module '@automerge/automerge' {
  export interface Doc {
    readonly m: { [key: string]: string }
  }
  export function from(initial: Doc): Doc
  export function change(doc: Doc, change: (draft: Doc) => void): Doc
  export function getLastLocalChange(doc: Doc): Uint8Array | undefined
  export function applyChanges(doc: Doc, changes: readonly Uint8Array[]): [Doc, ...unknown[]]
  export function save(doc: Doc): Uint8Array
  export function load(bytes: Uint8Array): Doc
  export function free(doc: Doc): void
}

declare module 'classic-level' {
  export interface Batch {
    put(key: Uint8Array, value: Uint8Array): this
    write(options: { sync: boolean }): Promise<void>
  }
  export class ClassicLevel {
    constructor(location: string, options: { keyEncoding: 'view'; valueEncoding: 'view' })
    open(): Promise<void>
    batch(): Batch
    close(): Promise<void>
  }
}

declare module 'lmdb' {
  export interface Database {
    put(key: string, value: string): Promise<boolean>
    close(): Promise<void>
  }
  export function open(options: { path: string; overlappingSync: boolean; encoding: 'string' }): Database
}

declare module 'better-sqlite3' {
  export default class Database {
    constructor(path: string)
    exec(sql: string): this
    prepare(sql: string): { run(key: string, value: string): unknown }
    close(): this
  }
}

declare module '@libp2p/gossipsub' {
  export function gossipsub(options: {
    globalSignaturePolicy: 'StrictNoSign'
    allowPublishToZeroTopicPeers: boolean
    msgIdFn: (message: { readonly data: Uint8Array }) => Uint8Array
  }): unknown
}

declare module '@libp2p/identify' {
  export function identify(): unknown
}

declare module '@libp2p/memory' {
  export function memory(options: { latency: number }): unknown
}

declare module '@libp2p/plaintext' {
  export function plaintext(): unknown
}

declare module '@nats-io/transport-node' {
  export interface Connection {
    close(): Promise<void>
  }
  export function connect(options: { readonly servers: string }): Promise<Connection>
}

declare module '@nats-io/kv' {
  export interface Store {
    put(key: string, value: string): Promise<number>
    watch(): Promise<AsyncIterable<{ readonly key: string; json(): unknown }>>
  }
  export class Kvm {
    constructor(connection: unknown)
    create(bucket: string, options: { readonly history: number }): Promise<Store>
    open(bucket: string): Promise<Store>
  }
}
