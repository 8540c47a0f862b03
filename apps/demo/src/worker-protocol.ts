/** What the launcher asks of a node's process. Every request carries a number that its answer repeats. */
export type Request =
  | { readonly id: number; readonly type: 'start'; readonly options: StartOptions }
  | { readonly id: number; readonly type: 'set'; readonly key: string; readonly write: string }
  | { readonly id: number; readonly type: 'delete'; readonly key: string; readonly write: string }
  | { readonly id: number; readonly type: 'status' }
  | { readonly id: number; readonly type: 'content' }
  | { readonly id: number; readonly type: 'stop' }

/** A request without its number. */
export type Ask = Request extends infer Each ? (Each extends Request ? Omit<Each, 'id'> : never) : never

export interface StartOptions {
  readonly dataDir: string
  readonly contacts: readonly string[]
  readonly clusterName: string
  readonly secret: string
}

/** What a node's process sends. */
export type Reply =
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'refusal'; readonly id: number; readonly name: string; readonly message: string }
  /** Sent before a write is handed to the map: the writes it has seen, so that they count as seen even if this process dies. */
  | { readonly type: 'issued'; readonly write: string; readonly seen: readonly string[] }

export interface Started {
  readonly id: string
  readonly addresses: readonly string[]
  readonly recoveredKeys: number
}

export interface Status {
  readonly peers: number
  readonly keys: number
  readonly messages: number
}

/** One key with every live value, as the names of the writes that made them, sorted. */
export type Content = readonly (readonly [key: string, writes: readonly string[]])[]
