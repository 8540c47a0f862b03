/**
 * What a node's HTTP API and the local cluster's say, as JSON. Shared by the server, the command line and the pages, so that none of
 * them can disagree about a field.
 *
 * Values of a map are written as in the map's lines of JSON: bytes and big integers have a tagged form there.
 *
 * Beside what each type below names: `GET /api/v1/role` is `{ role: 'node' | 'cluster' }`. `PUT /api/v1/maps/:map/entries/:key` takes
 * the value as JSON and `DELETE` removes it; both take `If-Match` with an entry's version, and `PUT` takes `If-None-Match: *`.
 * `POST /api/v1/cluster/nodes` adds a node. A page may speak to its own address only, so the cluster's address passes
 * `/api/v1/cluster/nodes/:index/api/…` on to that member's `/api/v1/…`, streams included. Lines of the log (name `event`) come on
 * `/api/v1/cluster/events` too.
 */
import type { NodeInspection, NodeTotals } from '@starling/node'

/** Any JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** `GET /api/v1/node`. */
export interface NodeInfo {
  readonly id: string
  /** What its operator calls it; the last letters of its id when nobody named it. */
  readonly name: string
  readonly cluster: string
  readonly addresses: readonly string[]
  readonly version: string
  readonly startedAtMs: number
  /** This node's wall clock now. */
  readonly nowMs: number
  readonly maps: readonly string[]
}

/** `GET /api/v1/inspect`. */
export type Inspection = NodeInspection

/** One key. `value` is what `get` shows; `conflicts` lists all live values, newest first, when there is more than one. */
export interface Entry {
  readonly key: string
  readonly value: Json
  /** Changes with every change of the key's live values; goes into `If-Match`. */
  readonly version: string
  readonly conflicts?: readonly Json[]
  readonly expiresAtMs?: number
}

/** What `PUT` answers. */
export interface WrittenEntry {
  readonly key: string
  readonly version: string
  /** Greater than that of everything the write replaced, a fencing token; decimal digits. */
  readonly stamp: string
}

/** `GET /api/v1/maps/:map/entries?prefix=&after=&limit=`. */
export interface EntryPage {
  readonly entries: readonly Entry[]
  /** What to give as `after` for the next page; absent on the last. */
  readonly next?: string
  readonly size: number
}

/**
 * One event of `GET /api/v1/maps/:map/watch` (server-sent events, name `change`). An event named `snapshot` (`{ size }`) comes once the
 * snapshot has been sent. A reader that comes back gets `resync` first.
 */
export interface Change {
  readonly type: 'set' | 'delete' | 'expired' | 'conflict' | 'resync'
  readonly key?: string
  readonly value?: Json
  readonly version?: string
  readonly origin?: string
}

/** A link of the overlay as one end sees it. */
export interface OverlayLink {
  readonly peer: string
  /** Whether this end sends whole messages to the peer (eager) or only announces them (lazy). */
  readonly eager: boolean
}

/** One broadcast as one node met it: the same `id` on every node. `from` is absent on the node that sent it first. */
export interface BroadcastSeen {
  readonly topic: string
  readonly id: string
  readonly from?: string
  readonly hops: number
  readonly bytes: number
  readonly atMs: number
}

/** What a node tells once a second on `GET /api/v1/events` (name `pulse`), and at once when a reader comes. */
export interface Pulse {
  readonly id: string
  readonly name: string
  readonly atMs: number
  readonly swarms: readonly {
    readonly topic: string
    readonly links: readonly OverlayLink[]
    /** How many peers it knows beyond its links. */
    readonly passive: number
  }[]
  readonly maps: readonly {
    readonly name: string
    readonly size: number
    /** Equal on two nodes exactly when their maps are; hex. */
    readonly fingerprint: string
    readonly health: readonly string[]
    readonly conflicts: number
    /** Peers known to hold something else, and since when. */
    readonly lagging: readonly { readonly peer: string; readonly sinceMs: number }[]
  }[]
  /** Totals since the node started; a reader takes differences. */
  readonly counters: NodeTotals
  /** Broadcasts since the last pulse, at most 64; `broadcastsLeftOff` counts the rest. */
  readonly broadcasts: readonly BroadcastSeen[]
  readonly broadcastsLeftOff: number
}

/** One line of the log of events (name `event` on `/api/v1/events`). An event named `resync` before lines says that some were missed. */
export interface LogLine {
  readonly atMs: number
  /** Which node it is about; its name. */
  readonly node: string
  readonly type: string
  readonly text: string
}

export type ProcessState = 'starting' | 'running' | 'paused' | 'killed' | 'stopped'

/** A node of the local cluster: its process, and what it said last (absent until it has). */
export interface ClusterMember {
  readonly index: number
  readonly name: string
  readonly state: ProcessState
  readonly id?: string
  /** Address of its own page and API. */
  readonly url?: string
  /** Which part of a split it is in; 0 without a split. */
  readonly part: number
  /** The same pulse comes again until there is a newer one: compare `atMs` before showing its broadcasts. */
  readonly pulse?: Pulse
}

/** `GET /api/v1/cluster`, and the event `cluster` on `GET /api/v1/cluster/events` (at most twice a second). */
export interface ClusterState {
  readonly name: string
  readonly atMs: number
  readonly members: readonly ClusterMember[]
  /** Whether all running members hold equal maps, and since when. */
  readonly converged: boolean
  readonly convergedSinceMs?: number
  readonly acknowledged: number
  /** Acknowledged writes that were forgotten before a check, because a member was away for so many; undefined while there is none. */
  readonly uncheckedAcknowledged?: number
  /** Undefined until a check has compared what was acknowledged with what is there. */
  readonly lostAcknowledged?: number
}

/**
 * `POST /api/v1/cluster/nodes/:index/:action`. `pause` and `resume` are SIGSTOP and SIGCONT, `kill` is SIGKILL, `restart` starts a
 * killed one on its store, `stop` says goodbye.
 */
export type MemberAction = 'kill' | 'pause' | 'resume' | 'restart' | 'stop'

/** `POST /api/v1/cluster/split`: indexes of the members on one side; all others are the other. `POST …/heal` takes nothing. */
export interface Split {
  readonly side: readonly number[]
}

/** What every refusal looks like (`application/problem+json`, RFC 9457). */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  /** The name of the error behind it, stable. */
  readonly name?: string
}
