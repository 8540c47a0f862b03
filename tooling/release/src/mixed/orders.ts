/** What the launcher tells a node of the mixed cluster, one at a time. */
export type Order =
  | { readonly type: 'put'; readonly entries: Readonly<Record<string, string>> }
  | { readonly type: 'delete'; readonly keys: readonly string[] }
  | { readonly type: 'read' }
  | { readonly type: 'stop' }

/** How it answers. */
export type Answer =
  | { readonly type: 'up'; readonly addresses: readonly string[] }
  | { readonly type: 'done' }
  | { readonly type: 'content'; readonly size: number; readonly digest: string }
  | { readonly type: 'failed'; readonly message: string }

/** How the launcher starts it: its only argument, as JSON. */
export interface NodeStart {
  readonly dataDir: string
  readonly contacts: readonly string[]
  readonly secret: string
}
