import { isForgettable } from '../src/peer-draft.ts'
import { stepPeer } from '../src/peer-machine.ts'
import {
  DUPLICATE,
  findConn,
  input,
  newEnd,
  other,
  PLAIN,
  REFUSED,
  take,
  wantedOf,
  wish,
  type Conn,
  type EndName,
  type FaultKind,
  type Wish,
  type World
} from './peer-model.ts'

/** One thing that can happen next. */
export type Move =
  | { type: 'dialOk' | 'dialFail'; end: EndName; attempt: number }
  | { type: 'arrive' | 'verify' | 'lose'; conn: number }
  | { type: 'deliver'; conn: number; to: 'dialler' | 'acceptor' }
  | { type: 'timeout' | 'tellClosed'; conn: number; at: 'dialler' | 'acceptor' }
  | { type: 'redial' | 'restart' | 'drop' | 'revoke' | 'restore' | 'stop'; end: EndName }
  | { type: 'hold'; end: EndName; number: number }
  | { type: 'wish'; end: EndName; mode: Wish['mode'] }
  | { type: 'release' | 'replay'; end: EndName; index: number }
  | { type: 'wait'; ms: number }

const WISHES_MAX = 3

/** Everything that can happen next; `calm` leaves out faults. */
export function movesOf(world: World, calm: boolean): Move[] {
  const may = (kind: FaultKind): boolean => !calm && world.faults > 0 && world.kinds.has(kind)
  const moves: Move[] = []
  for (const end of ['a', 'b'] as const) moves.push(...endMoves(world, end, may))
  for (const conn of world.conns) moves.push(...connMoves(conn, may))
  if (may('wait')) moves.push({ type: 'wait', ms: 3_000 }, { type: 'wait', ms: 20_000 })
  return moves
}

function endMoves(world: World, end: EndName, may: (kind: FaultKind) => boolean): Move[] {
  const moves: Move[] = []
  const { dials, redial, holds, stopped, revoked, session, wishes, past } = world.ends[end]
  for (const attempt of dials) {
    moves.push({ type: 'dialOk', end, attempt })
    if (may('dialFail')) moves.push({ type: 'dialFail', end, attempt })
  }
  if (redial !== undefined) moves.push({ type: 'redial', end })
  for (const number of holds) moves.push({ type: 'hold', end, number })
  if (may('restart')) moves.push({ type: 'restart', end })
  if (may('replay')) for (const index of past.keys()) moves.push({ type: 'replay', end, index })
  if (stopped) return moves
  if (session !== undefined && may('drop')) moves.push({ type: 'drop', end })
  if (may('wish')) {
    if (world.kinds.has('stop') && wishes.length < WISHES_MAX) moves.push({ type: 'wish', end, mode: 'once' })
    if (wishes.length === 0 || (world.kinds.has('stop') && wishes.length < WISHES_MAX)) {
      moves.push({ type: 'wish', end, mode: 'continuous' })
    }
    for (const index of wishes.keys()) moves.push({ type: 'release', end, index })
  }
  if (may('revoke')) moves.push({ type: revoked ? 'restore' : 'revoke', end })
  if (may('stop')) moves.push({ type: 'stop', end })
  return moves
}

function connMoves(conn: Conn, may: (kind: FaultKind) => boolean): Move[] {
  const moves: Move[] = []
  const id = conn.id
  if (conn.closing) {
    if (conn.diallerAttempt > 0) moves.push({ type: 'tellClosed', conn: id, at: 'dialler' })
    if ((conn.acceptorAttempt ?? 0) > 0) moves.push({ type: 'tellClosed', conn: id, at: 'acceptor' })
  } else {
    if (conn.acceptorAttempt === undefined) moves.push({ type: 'arrive', conn: id })
    if (conn.ready.dialler && conn.ready.acceptor && !conn.verified) moves.push({ type: 'verify', conn: id })
    if (may('lose')) moves.push({ type: 'lose', conn: id })
    if (may('timeout')) {
      moves.push({ type: 'timeout', conn: id, at: 'dialler' })
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

const FREE: ReadonlySet<Move['type']> = new Set([
  'dialOk',
  'arrive',
  'verify',
  'deliver',
  'tellClosed',
  'redial',
  'hold'
])

export function apply(world: World, move: Move): void {
  if (!FREE.has(move.type)) world.faults--
  if ('conn' in move) return applyToConn(world, move, connOf(world, move.conn))
  if (move.type === 'wait') {
    world.nowMs += move.ms
    return
  }
  const end = world.ends[move.end]
  switch (move.type) {
    case 'dialOk':
      return dialOk(world, move.end, move.attempt)
    case 'dialFail':
      take(end.dials, move.attempt)
      return input(world, move.end, { type: 'dialFailed', attempt: move.attempt, failure: PLAIN })
    case 'redial': {
      const number = end.redial as number
      end.redial = undefined
      return input(world, move.end, { type: 'timer', timer: 'redial', number })
    }
    case 'hold':
      take(end.holds, move.number)
      return input(world, move.end, { type: 'timer', timer: 'hold', number: move.number })
    case 'restart':
      return restart(world, move.end)
    case 'drop':
      return input(world, move.end, { type: 'drop', attempt: end.session ?? 0, code: 'protocol' })
    case 'wish':
      return wish(world, move.end, move.mode)
    case 'release':
      end.wishes = end.wishes.filter((_, index) => index !== move.index)
      return input(world, move.end, { type: 'want', wanted: wantedOf(end), fresh: false })
    case 'revoke':
      end.revoked = true
      return input(world, move.end, { type: 'revoke', failure: REFUSED })
    case 'restore':
      end.revoked = false
      return input(world, move.end, { type: 'restore' })
    case 'stop':
      return stop(world, move.end)
    case 'replay':
      return replay(world, move.end, move.index)
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
      return verify(world, conn)
    case 'lose':
      conn.closing = true
      return
    case 'deliver':
      return deliver(world, conn, move.to)
    case 'timeout': {
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
  if (end.revoked) return input(world, name, { type: 'dialFailed', attempt, failure: REFUSED })
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

/** Both ends have proven themselves; now each asks its own rules about the other, the dialler first. */
function verify(world: World, conn: Conn): void {
  const acceptor = other(conn.dialler)
  conn.verified = true
  const attempt = conn.acceptorAttempt ?? 0
  if (world.ends[conn.dialler].revoked) {
    conn.toAcceptor.push('refused')
    return input(world, conn.dialler, {
      type: 'handshakeFailed',
      attempt: conn.diallerAttempt,
      failure: REFUSED
    })
  }
  if (world.ends[acceptor].revoked) {
    conn.toDialler.push('refused')
    return input(world, acceptor, { type: 'handshakeFailed', attempt, failure: REFUSED })
  }
  const incarnation = BigInt(conn.diallerIncarnation)
  input(world, acceptor, { type: 'verified', attempt, incarnation, dialAttempt: conn.diallerAttempt })
}

function deliver(world: World, conn: Conn, to: 'dialler' | 'acceptor'): void {
  const word = (to === 'dialler' ? conn.toDialler : conn.toAcceptor).shift()
  const name = to === 'dialler' ? conn.dialler : other(conn.dialler)
  const attempt = (to === 'dialler' ? conn.diallerAttempt : conn.acceptorAttempt) ?? 0
  switch (word) {
    case 'goodbye':
      return input(world, name, { type: 'goodbye', attempt })
    case 'duplicate':
      return input(world, name, { type: 'handshakeFailed', attempt, failure: DUPLICATE })
    case 'refused':
      return input(world, name, { type: 'handshakeFailed', attempt, failure: REFUSED })
    default: {
      const incarnation = BigInt(conn.acceptorIncarnation)
      return input(world, name, { type: 'established', attempt, incarnation })
    }
  }
}

/** The process dies and starts again with the same key: the other end learns it from each connection, some time later. */
function restart(world: World, name: EndName): void {
  const before = world.ends[name]
  for (const conn of world.conns) {
    conn.closing = true
    if (conn.dialler === name) conn.diallerAttempt = 0
    else conn.acceptorAttempt = 0
    forget(world, conn)
  }
  world.ends[name] = newEnd(before.incarnation + 1)
  if (wantedOf(before) === 'continuous') wish(world, name, 'continuous')
}

function stop(world: World, name: EndName): void {
  const end = world.ends[name]
  end.stopped = true
  // The manager tells every wish that it is over once the machine has stopped.
  end.wishes = []
  input(world, name, { type: 'stop' })
}

/** A completion that was used up comes again: nothing may come of it. */
function replay(world: World, name: EndName, index: number): void {
  const end = world.ends[name]
  const event = end.past[index]
  if (event === undefined) return
  const context = { selfGreater: name === 'a', nowMs: world.nowMs, random: () => 0.5 }
  const { state, effects } = stepPeer(end.state, event, context)
  if (effects.length > 0) throw new Error(`${name} acted twice on ${event.type}`)
  if (
    JSON.stringify(links(state)) !== JSON.stringify(links(end.state)) ||
    state.redial !== end.state.redial
  ) {
    throw new Error(`${name} changed twice for ${event.type}`)
  }
}

function links({ links: list }: { readonly links: readonly { attempt: number; phase: string }[] }): unknown {
  return list.map(({ attempt, phase }) => [attempt, phase])
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

/**
 * Ends all faults and runs until nothing but a healthy connection is left, then stops both ends and runs until nothing is left
 * at all; returns what is wrong, or undefined.
 */
export function settle(world: World, choose: (count: number) => number): string | undefined {
  for (const name of ['a', 'b'] as const) {
    if (world.ends[name].stopped) restart(world, name)
    if (world.ends[name].revoked) apply(world, { type: 'restore', end: name })
  }
  if (!drained(world, choose)) return 'never settles'
  const wrong = settledWrong(world)
  if (wrong !== undefined) return wrong
  for (const name of choose(2) === 0 ? (['a', 'b'] as const) : (['b', 'a'] as const)) stop(world, name)
  if (!drained(world, choose)) return 'never stops'
  if (world.conns.length > 0) return 'a connection survives both ends'
  for (const { state, wishes, session } of Object.values(world.ends)) {
    if (!isForgettable(state) || wishes.length > 0 || session !== undefined)
      return 'something survives a stop'
  }
  return undefined
}

function settledWrong(world: World): string | undefined {
  const { a, b } = world.ends
  if (a.wishes.length === 0 && b.wishes.length === 0 && world.conns.length === 0) {
    return a.session === undefined && b.session === undefined ? undefined : 'a session without a connection'
  }
  const conn = world.conns[0]
  if (conn === undefined || world.conns.length > 1) return `${world.conns.length} connections`
  for (const name of ['a', 'b'] as const) {
    const { session } = world.ends[name]
    if (session === undefined || findConn(world, name, session) !== conn) return 'the ends chose differently'
  }
  return undefined
}

/** Runs without faults for as long as anything can happen; false when that does not end. */
function drained(world: World, choose: (count: number) => number): boolean {
  for (let steps = 0; steps < 400; steps++) {
    const moves = movesOf(world, true)
    const move = moves[moves.length === 0 ? 0 : choose(moves.length)]
    if (move === undefined) return true
    apply(world, move)
  }
  return false
}
