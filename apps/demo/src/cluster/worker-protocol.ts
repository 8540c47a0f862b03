/** What the launcher asks of a node's process. Every request carries a number that its answer repeats. */
export type Request =
  | { readonly id: number; readonly type: 'start'; readonly options: StartOptions }
  | { readonly id: number; readonly type: 'set'; readonly key: string; readonly write: string }
  | { readonly id: number; readonly type: 'delete'; readonly key: string; readonly write: string }
  | { readonly id: number; readonly type: 'status' }
  | { readonly id: number; readonly type: 'content' }
  /** These peers, and no others, are revoked from now on. */
  | { readonly id: number; readonly type: 'revoke'; readonly peers: readonly string[] }
  | { readonly id: number; readonly type: 'stop' }

/** A request without its number. */
export type Ask = Request extends infer Each ? (Each extends Request ? Omit<Each, 'id'> : never) : never

export interface StartOptions {
  readonly dataDir: string
  readonly contacts: readonly string[]
  readonly clusterName: string
  readonly secret: string
  /** What the node is called on its page; without it the node has no page. */
  readonly served?: string
  /** Peers that are revoked from the start. */
  readonly revoked?: readonly string[]
}

/** What a node's process sends. */
export type Reply =
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'refusal'; readonly id: number; readonly name: string; readonly message: string }
  /** Sent before a write is handed to the map: the writes it has seen, so that they count as seen even if this process dies. */
  | { readonly type: 'issued'; readonly write: string; readonly seen: readonly string[] }
  /** The same for a write that somebody else than the launcher asked this process for. `write` is unique in this process only. */
  | {
      readonly type: 'outside'
      readonly write: string
      readonly key: string
      readonly kind: 'set' | 'delete'
      readonly seen: readonly string[]
    }
  /** How such a write ended; `stamp` is what its value is recognised by. */
  | {
      readonly type: 'outsideSettled'
      readonly write: string
      readonly outcome: 'acknowledged' | 'refused' | 'unknown'
      readonly stamp?: string
    }

export interface Started {
  readonly id: string
  readonly addresses: readonly string[]
  readonly recoveredKeys: number
  /** Where the node's page and API are, if it has them. */
  readonly url: string | undefined
}

export interface Status {
  readonly peers: number
  readonly keys: number
  readonly messages: number
}

/** One live value: the name of the write that made it, where the launcher asked for it, and the stamp it was written with. */
export interface LiveValue {
  readonly write: string | undefined
  readonly stamp: string
}

/** One key with every live value, in an order that is the same on all nodes. */
export type Content = readonly (readonly [key: string, values: readonly LiveValue[]])[]

/** What a live value may be called where writes say what they have seen. */
export function namesOf({ write, stamp }: LiveValue): readonly string[] {
  return write === undefined ? [stampName(stamp)] : [write, stampName(stamp)]
}

export const stampName = (stamp: string): string => `s${stamp}`
