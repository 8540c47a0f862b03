import { createPeerState, currentLink, type PeerContext } from '../src/peer-draft.ts'
import { stepPeer } from '../src/peer-machine.ts'
import type { Failure, PeerEffect, PeerInput, PeerState } from '../src/peer-types.ts'

/** Two machines, and between them everything that may happen to dials, connections, messages, timers, wishes and processes. */
export interface World {
  ends: Record<EndName, End>
  conns: Conn[]
  nextConn: number
  /** Faults that may still happen. */
  faults: number
  readonly kinds: ReadonlySet<FaultKind>
  nowMs: number
}

export type EndName = 'a' | 'b'

/** What may go wrong or change; each use costs one fault. */
export type FaultKind =
  | 'dialFail'
  | 'lose'
  | 'timeout'
  | 'drop'
  | 'restart'
  | 'wish'
  | 'revoke'
  | 'stop'
  | 'replay'
  | 'wait'

/** A caller's wish, until it is over. */
export interface Wish {
  readonly mode: 'once' | 'continuous'
  readonly attached: boolean
}

/** One node of the model: its machine and what its environment has promised it. `a` has the greater peer id. */
export interface End {
  state: PeerState
  incarnation: number
  wishes: Wish[]
  session: number | undefined
  dials: number[]
  redial: number | undefined
  holds: number[]
  /** The other one is not admitted here. */
  revoked: boolean
  stopped: boolean
  /** Completions that were used up. */
  past: PeerInput[]
}

export type Wire = 'accept' | 'duplicate' | 'refused' | 'goodbye'

export interface Conn {
  id: number
  dialler: EndName
  diallerIncarnation: number
  acceptorIncarnation: number
  /** Attempt numbers at both ends; undefined before the acceptor has seen the connection, 0 after the end is gone. */
  diallerAttempt: number
  acceptorAttempt: number | undefined
  ready: { dialler: boolean; acceptor: boolean }
  verified: boolean
  toDialler: Wire[]
  toAcceptor: Wire[]
  /** Somebody closed it: each end that still has it will be told. */
  closing: boolean
}

export const PLAIN: Failure = { error: new Error('model'), refused: false, duplicate: false }
export const DUPLICATE: Failure = { ...PLAIN, duplicate: true }
export const REFUSED: Failure = { ...PLAIN, refused: true }

/** The faults of connections and processes, without those of wishes and rules. */
export const CRASHES: ReadonlySet<FaultKind> = new Set([
  'dialFail',
  'lose',
  'timeout',
  'drop',
  'restart',
  'wish'
])
export const EVERYTHING: ReadonlySet<FaultKind> = new Set([...CRASHES, 'revoke', 'stop', 'replay', 'wait'])

const PAST_MAX = 12

export function newWorld(
  wants: Record<EndName, Wish['mode'] | undefined>,
  faults: number,
  kinds: ReadonlySet<FaultKind> = CRASHES
): World {
  const world: World = {
    ends: { a: newEnd(1), b: newEnd(1) },
    conns: [],
    nextConn: 1,
    faults,
    kinds,
    nowMs: 0
  }
  for (const name of ['a', 'b'] as const) if (wants[name] !== undefined) wish(world, name, wants[name])
  return world
}

export function newEnd(incarnation: number): End {
  return {
    state: createPeerState(0),
    incarnation,
    wishes: [],
    session: undefined,
    dials: [],
    redial: undefined,
    holds: [],
    revoked: false,
    stopped: false,
    past: []
  }
}

export function wish(world: World, name: EndName, mode: Wish['mode']): void {
  const end = world.ends[name]
  end.wishes = [...end.wishes, { mode, attached: end.session !== undefined }]
  input(world, name, { type: 'want', wanted: wantedOf(end), fresh: true })
}

export function wantedOf({ wishes }: End): 'none' | 'once' | 'continuous' {
  if (wishes.length === 0) return 'none'
  return wishes.some(({ mode }) => mode === 'continuous') ? 'continuous' : 'once'
}

export function cloneWorld(world: World): World {
  const end = (from: End): End => ({
    ...from,
    dials: [...from.dials],
    holds: [...from.holds],
    past: [...from.past]
  })
  return {
    ...world,
    ends: { a: end(world.ends.a), b: end(world.ends.b) },
    conns: world.conns.map(conn => ({
      ...conn,
      ready: { ...conn.ready },
      toDialler: [...conn.toDialler],
      toAcceptor: [...conn.toAcceptor]
    }))
  }
}

/** Feeds one machine and carries its effects out, checking what must hold after every step. */
export function input(world: World, name: EndName, event: PeerInput): void {
  const end = world.ends[name]
  const before = wantedOf(end)
  const context: PeerContext = { selfGreater: name === 'a', nowMs: world.nowMs, random: () => 0.5 }
  const { state, effects } = stepPeer(end.state, event, context)
  end.state = state
  for (const effect of effects) carryOut(world, name, effect)
  remember(end, event)
  // Wishes that are over are told to the machine when it is done with the input, as the driver does it.
  if (wantedOf(end) !== before) input(world, name, { type: 'want', wanted: wantedOf(end), fresh: false })
  check(name, end, event, effects)
}

function check(name: EndName, end: End, event: PeerInput, effects: readonly PeerEffect[]): void {
  const fail = (what: string): never => {
    const json = (value: unknown): string =>
      JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? Number(each) : each))
    throw new Error(`${name} ${what} after ${json(event)}: ${json(effects)}`)
  }
  const { state, session, wishes } = end
  if (state.links.filter(link => link.phase === 'established').length > 1) fail('has two sessions')
  if (currentLink(state)?.attempt !== session) fail('announced another session')
  if (session !== undefined && end.revoked) fail('is in session with a peer it does not admit')
  if (session !== undefined && end.stopped) fail('is in session after it stopped')
  if (session !== undefined && end.redial !== undefined) fail('will dial although it is in session')
  if (wishes.some(({ attached }) => attached) && session === undefined) fail('kept a wish in a dead session')
  if (wishes.some(({ attached }) => !attached) && session !== undefined) fail('left a wish out')
  const trying =
    state.dialling !== undefined ||
    state.redial !== undefined ||
    state.links.some(({ phase }) => phase === 'handshaking' || phase === 'held')
  if (wishes.some(({ attached }) => !attached) && !trying) fail('forgot a wish')
  if (state.redial !== end.redial) fail('lost its redial timer')
}

function carryOut(world: World, name: EndName, effect: PeerEffect): void {
  const end = world.ends[name]
  switch (effect.type) {
    case 'dial':
      if (end.dials.length > 0) throw new Error(`${name} dials twice at once`)
      if (end.stopped) throw new Error(`${name} dials after it stopped`)
      end.dials.push(effect.attempt)
      return
    case 'handshake':
      return markReady(findConn(world, name, effect.attempt), name)
    case 'decide': {
      const conn = findConn(world, name, effect.attempt)
      conn?.toDialler.push(effect.accept ? 'accept' : 'duplicate')
      if (conn !== undefined && !effect.accept) conn.closing = true
      return
    }
    case 'up':
      if (end.session !== undefined) throw new Error(`${name} brings a second session up`)
      end.session = effect.attempt
      end.wishes = end.wishes.map(each => ({ ...each, attached: true }))
      return
    case 'down':
      if (end.session !== effect.attempt) throw new Error(`${name} ends a session it does not have`)
      end.session = undefined
      end.wishes = end.wishes
        .filter(({ mode, attached }) => effect.reason === 'replaced' || mode !== 'once' || !attached)
        .map(each => ({ ...each, attached: false }))
      return
    case 'failed':
      if (end.session !== undefined) throw new Error(`${name} tells of a failure while in session`)
      end.wishes = end.wishes.filter(({ mode, attached }) => mode !== 'once' || attached)
      return
    case 'drain':
    case 'cut':
      return say(world, name, effect.attempt, 'goodbye')
    case 'close':
      return say(world, name, effect.attempt, effect.code === 'refused' ? 'refused' : undefined)
    case 'probe':
      if (end.session !== effect.attempt) throw new Error(`${name} doubts what is no session`)
      return
    case 'schedule':
      if (effect.timer === 'hold') end.holds.push(effect.number)
      else end.redial = effect.number
      return
    case 'unschedule':
      if (effect.timer === 'hold') take(end.holds, effect.number)
      else if (end.redial === effect.number) end.redial = undefined
      return
    case 'cancelDial':
      return
  }
}

/** The last word on a connection, and its close. */
function say(world: World, name: EndName, attempt: number, word: Wire | undefined): void {
  const conn = findConn(world, name, attempt)
  if (conn === undefined) return
  if (word !== undefined) (conn.dialler === name ? conn.toAcceptor : conn.toDialler).push(word)
  conn.closing = true
}

/** Completions are kept, to be said again later: they must not act twice. */
function remember(end: End, event: PeerInput): void {
  const single = ['want', 'accepted', 'dialled', 'stop', 'revoke', 'restore', 'drop']
  if (single.includes(event.type)) return
  end.past = [...end.past, event].slice(-PAST_MAX)
}

function markReady(conn: Conn | undefined, name: EndName): void {
  if (conn === undefined) throw new Error('handshake on a connection that is not there')
  if (conn.dialler === name) conn.ready.dialler = true
  else conn.ready.acceptor = true
}

export function findConn(world: World, name: EndName, attempt: number): Conn | undefined {
  return world.conns.find(
    conn => (conn.dialler === name ? conn.diallerAttempt : conn.acceptorAttempt) === attempt
  )
}

export function take(list: number[], value: number): void {
  const index = list.indexOf(value)
  if (index >= 0) list.splice(index, 1)
}

export function other(name: EndName): EndName {
  return name === 'a' ? 'b' : 'a'
}

/** A text that is equal for worlds that behave alike. */
export function fingerprint(world: World): string {
  return JSON.stringify(world, (key, value: unknown) =>
    typeof value === 'bigint'
      ? Number(value)
      : key === 'lastFailure' || key === 'kinds' || key === 'past'
        ? undefined
        : value
  )
}
