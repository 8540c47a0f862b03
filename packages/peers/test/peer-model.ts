import { createPeerState, currentLink, type PeerContext } from '../src/peer-draft.ts'
import { stepPeer } from '../src/peer-machine.ts'
import type { Failure, PeerEffect, PeerInput, PeerState } from '../src/peer-types.ts'

export type EndName = 'a' | 'b'

/** One node of the model: its machine and what its environment has promised it. `a` has the greater peer id. */
export interface End {
  state: PeerState
  incarnation: number
  wanted: boolean
  session: number | undefined
  dials: number[]
  redial: number | undefined
  holds: number[]
}

type Verdict = 'accept' | 'duplicate'
type Wire = { type: 'verdict'; verdict: Verdict } | { type: 'goodbye' }

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

export interface World {
  ends: Record<EndName, End>
  conns: Conn[]
  nextConn: number
  faults: number
  uses: number
}

/** One thing that can happen next. */
export type Move =
  | { type: 'dialOk' | 'dialFail'; end: EndName; attempt: number }
  | { type: 'arrive' | 'verify' | 'lose'; conn: number }
  | { type: 'deliver'; conn: number; to: 'dialler' | 'acceptor' }
  | { type: 'timeout' | 'tellClosed'; conn: number; at: 'dialler' | 'acceptor' }
  | { type: 'redial' | 'restart' | 'drop' | 'release' | 'want'; end: EndName }
  | { type: 'hold'; end: EndName; number: number }

const PLAIN: Failure = { error: new Error('model'), refused: false, duplicate: false }
const DUPLICATE: Failure = { error: new Error('model'), refused: false, duplicate: true }

export function newWorld(wants: Record<EndName, boolean>, faults: number): World {
  const world: World = { ends: { a: newEnd(1), b: newEnd(1) }, conns: [], nextConn: 1, faults, uses: 0 }
  for (const name of ['a', 'b'] as const) if (wants[name]) want(world, name)
  return world
}

function newEnd(incarnation: number): End {
  return {
    state: createPeerState(0),
    incarnation,
    wanted: false,
    session: undefined,
    dials: [],
    redial: undefined,
    holds: []
  }
}

function want(world: World, name: EndName): void {
  world.ends[name].wanted = true
  input(world, name, { type: 'want', wanted: 'continuous', fresh: true })
}

export function cloneWorld(world: World): World {
  const end = (from: End): End => ({ ...from, dials: [...from.dials], holds: [...from.holds] })
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

/** Everything that can happen next; `calm` leaves out faults. */
export function movesOf(world: World, calm: boolean): Move[] {
  const moves: Move[] = []
  const faulty = !calm && world.faults > 0
  for (const end of ['a', 'b'] as const) {
    const { dials, redial, holds } = world.ends[end]
    for (const attempt of dials) {
      moves.push({ type: 'dialOk', end, attempt })
      if (faulty) moves.push({ type: 'dialFail', end, attempt })
    }
    if (redial !== undefined) moves.push({ type: 'redial', end })
    for (const number of holds) moves.push({ type: 'hold', end, number })
    if (!faulty) continue
    moves.push({ type: 'restart', end })
    if (world.ends[end].session !== undefined) moves.push({ type: 'drop', end })
    moves.push({ type: world.ends[end].wanted ? 'release' : 'want', end })
  }
  for (const conn of world.conns) moves.push(...connMoves(conn, faulty))
  return moves
}

function connMoves(conn: Conn, faulty: boolean): Move[] {
  const moves: Move[] = []
  const id = conn.id
  if (conn.closing) {
    if (conn.diallerAttempt > 0) moves.push({ type: 'tellClosed', conn: id, at: 'dialler' })
    if ((conn.acceptorAttempt ?? 0) > 0) moves.push({ type: 'tellClosed', conn: id, at: 'acceptor' })
  } else {
    if (conn.acceptorAttempt === undefined) moves.push({ type: 'arrive', conn: id })
    if (conn.ready.dialler && conn.ready.acceptor && !conn.verified) moves.push({ type: 'verify', conn: id })
    if (faulty) {
      moves.push({ type: 'lose', conn: id }, { type: 'timeout', conn: id, at: 'dialler' })
      if ((conn.acceptorAttempt ?? 0) > 0) moves.push({ type: 'timeout', conn: id, at: 'acceptor' })
    }
  }
  // What was sent may still be read while the connection is closing.
  if (conn.toDialler.length > 0 && conn.diallerAttempt > 0) {
    moves.push({ type: 'deliver', conn: id, to: 'dialler' })
  }
  if (conn.toAcceptor.length > 0 && (conn.acceptorAttempt ?? 0) > 0) {
    moves.push({ type: 'deliver', conn: id, to: 'acceptor' })
  }
  return moves
}

export function apply(world: World, move: Move): void {
  switch (move.type) {
    case 'dialOk':
      return dialOk(world, move.end, move.attempt)
    case 'dialFail':
      world.faults--
      take(world.ends[move.end].dials, move.attempt)
      return input(world, move.end, { type: 'dialFailed', attempt: move.attempt, failure: PLAIN })
    case 'redial':
      return fire(world, move.end)
    case 'hold':
      take(world.ends[move.end].holds, move.number)
      return input(world, move.end, { type: 'timer', timer: 'hold', number: move.number })
    case 'restart':
      return restart(world, move.end)
    case 'drop':
      world.faults--
      return input(world, move.end, {
        type: 'drop',
        attempt: world.ends[move.end].session ?? 0,
        code: 'protocol'
      })
    case 'want':
      world.faults--
      return want(world, move.end)
    case 'release':
      world.faults--
      world.ends[move.end].wanted = false
      return input(world, move.end, { type: 'want', wanted: 'none', fresh: false })
    default:
      return applyToConn(world, move, connOf(world, move.conn))
  }
}

function applyToConn(world: World, move: Move & { conn: number }, conn: Conn): void {
  const acceptor = other(conn.dialler)
  switch (move.type) {
    case 'arrive': {
      conn.acceptorAttempt = 1_000_000 + conn.id
      return input(world, acceptor, { type: 'accepted', attempt: conn.acceptorAttempt })
    }
    case 'verify':
      conn.verified = true
      return input(world, acceptor, {
        type: 'verified',
        attempt: conn.acceptorAttempt ?? 0,
        incarnation: BigInt(conn.diallerIncarnation),
        dialAttempt: conn.diallerAttempt
      })
    case 'lose':
      world.faults--
      conn.closing = true
      return
    case 'deliver':
      return deliver(world, conn, move.to)
    case 'timeout': {
      world.faults--
      const name = move.at === 'dialler' ? conn.dialler : acceptor
      const attempt = (move.at === 'dialler' ? conn.diallerAttempt : conn.acceptorAttempt) ?? 0
      return input(world, name, { type: 'handshakeFailed', attempt, failure: PLAIN })
    }
    case 'tellClosed': {
      const name = move.at === 'dialler' ? conn.dialler : acceptor
      const attempt = (move.at === 'dialler' ? conn.diallerAttempt : conn.acceptorAttempt) ?? 0
      if (move.at === 'dialler') conn.diallerAttempt = 0
      else conn.acceptorAttempt = 0
      forget(world, conn)
      return input(world, name, { type: 'closed', attempt, reason: 'lost' })
    }
  }
}

function dialOk(world: World, name: EndName, attempt: number): void {
  const end = world.ends[name]
  take(end.dials, attempt)
  world.conns.push({
    id: world.nextConn++,
    dialler: name,
    diallerIncarnation: end.incarnation,
    acceptorIncarnation: world.ends[other(name)].incarnation,
    diallerAttempt: attempt,
    acceptorAttempt: undefined,
    ready: { dialler: false, acceptor: false },
    verified: false,
    toDialler: [],
    toAcceptor: [],
    closing: false
  })
  input(world, name, { type: 'dialled', attempt })
}

function deliver(world: World, conn: Conn, to: 'dialler' | 'acceptor'): void {
  const message = (to === 'dialler' ? conn.toDialler : conn.toAcceptor).shift()
  const name = to === 'dialler' ? conn.dialler : other(conn.dialler)
  const attempt = (to === 'dialler' ? conn.diallerAttempt : conn.acceptorAttempt) ?? 0
  if (message?.type === 'goodbye') return input(world, name, { type: 'goodbye', attempt })
  if (message?.verdict === 'duplicate') {
    return input(world, name, { type: 'handshakeFailed', attempt, failure: DUPLICATE })
  }
  input(world, name, { type: 'established', attempt, incarnation: BigInt(conn.acceptorIncarnation) })
}

/** The process dies and starts again with the same key: the other end learns it from each connection, some time later. */
function restart(world: World, name: EndName): void {
  world.faults--
  const before = world.ends[name]
  for (const conn of world.conns) {
    conn.closing = true
    if (conn.dialler === name) conn.diallerAttempt = 0
    else conn.acceptorAttempt = 0
    forget(world, conn)
  }
  world.ends[name] = newEnd(before.incarnation + 1)
  if (before.wanted) want(world, name)
}

function fire(world: World, name: EndName): void {
  const number = world.ends[name].redial as number
  world.ends[name].redial = undefined
  input(world, name, { type: 'timer', timer: 'redial', number })
}

/** Feeds one machine and carries its effects out, checking what must hold after every step. */
export function input(world: World, name: EndName, event: PeerInput): void {
  const end = world.ends[name]
  const context: PeerContext = { selfGreater: name === 'a', nowMs: 0, random: () => 0.5 }
  const { state, effects } = stepPeer(end.state, event, context)
  end.state = state
  for (const effect of effects) carryOut(world, name, end, effect)
  const established = state.links.filter(link => link.phase === 'established')
  if (established.length > 1) throw new Error(`${name} has ${established.length} sessions`)
  if (currentLink(state)?.attempt !== end.session)
    throw new Error(
      `${name} announced another session after ${JSON.stringify(event, (k, v: unknown) => (typeof v === 'bigint' ? Number(v) : v))}: ${JSON.stringify(effects)}`
    )
}

function carryOut(world: World, name: EndName, end: End, effect: PeerEffect): void {
  switch (effect.type) {
    case 'dial':
      if (end.dials.length > 0) throw new Error(`${name} dials twice at once`)
      end.dials.push(effect.attempt)
      return
    case 'handshake':
      return markReady(findConn(world, name, effect.attempt), name)
    case 'decide': {
      const conn = findConn(world, name, effect.attempt)
      conn?.toDialler.push({ type: 'verdict', verdict: effect.accept ? 'accept' : 'duplicate' })
      if (conn !== undefined && !effect.accept) conn.closing = true
      return
    }
    case 'up':
      if (end.session !== undefined) throw new Error(`${name} brings a second session up`)
      end.session = effect.attempt
      return
    case 'down':
      if (end.session !== effect.attempt) throw new Error(`${name} ends a session it does not have`)
      end.session = undefined
      return
    case 'drain': {
      const conn = findConn(world, name, effect.attempt)
      if (conn === undefined) return
      if (conn.dialler === name) conn.toAcceptor.push({ type: 'goodbye' })
      else conn.toDialler.push({ type: 'goodbye' })
      conn.closing = true
      return
    }
    case 'close': {
      const conn = findConn(world, name, effect.attempt)
      if (conn !== undefined) conn.closing = true
      return
    }
    case 'schedule':
      if (effect.timer === 'hold') end.holds.push(effect.number)
      else end.redial = effect.number
      return
    case 'unschedule':
      if (effect.timer === 'hold') take(end.holds, effect.number)
      else if (end.redial === effect.number) end.redial = undefined
      return
    case 'cancelDial':
    case 'failed':
      return
  }
}

function markReady(conn: Conn | undefined, name: EndName): void {
  if (conn === undefined) throw new Error('handshake on a connection that is not there')
  if (conn.dialler === name) conn.ready.dialler = true
  else conn.ready.acceptor = true
}

function findConn(world: World, name: EndName, attempt: number): Conn | undefined {
  return world.conns.find(
    conn => (conn.dialler === name ? conn.diallerAttempt : conn.acceptorAttempt) === attempt
  )
}

function connOf(world: World, id: number): Conn {
  const conn = world.conns.find(each => each.id === id)
  if (conn === undefined) throw new Error(`no connection ${id}`)
  return conn
}

function forget(world: World, conn: Conn): void {
  const gone = conn.diallerAttempt === 0 && (conn.acceptorAttempt === undefined || conn.acceptorAttempt === 0)
  if (gone) world.conns = world.conns.filter(each => each !== conn)
}

function take(list: number[], value: number): void {
  const index = list.indexOf(value)
  if (index >= 0) list.splice(index, 1)
}

function other(name: EndName): EndName {
  return name === 'a' ? 'b' : 'a'
}

/** Runs without faults until nothing but a healthy connection is left; returns what is wrong then, or undefined. */
export function settle(world: World, choose: (count: number) => number): string | undefined {
  for (let steps = 0; steps < 400; steps++) {
    const moves = movesOf(world, true)
    if (moves.length === 0) break
    const move = moves[choose(moves.length)]
    if (move !== undefined) apply(world, move)
  }
  const { a, b } = world.ends
  if (movesOf(world, true).length > 0) return 'never settles'
  const none = !a.wanted && !b.wanted && world.conns.length === 0
  if (none)
    return a.session === undefined && b.session === undefined ? undefined : 'a session without a connection'
  const conn = world.conns[0]
  if (conn === undefined || world.conns.length > 1) return `${world.conns.length} connections`
  const attempts =
    conn.dialler === 'a'
      ? [conn.diallerAttempt, conn.acceptorAttempt]
      : [conn.acceptorAttempt, conn.diallerAttempt]
  if (a.session !== attempts[0] || b.session !== attempts[1]) return 'the ends chose differently'
  return undefined
}

/** A text that is equal for worlds that behave alike. */
export function fingerprint(world: World): string {
  return JSON.stringify(world, (key, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : key === 'lastFailure' || key === 'uses' ? undefined : value
  )
}
