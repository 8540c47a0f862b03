import { describe, expect, test } from 'vitest'
import { createPeerState, type PeerContext } from '../src/peer-draft.ts'
import { stepPeer } from '../src/peer-machine.ts'
import type { Failure, PeerEffect, PeerInput, PeerState } from '../src/peer-types.ts'

const PLAIN: Failure = { error: new Error('plain'), refused: false, duplicate: false }
const DUPLICATE: Failure = { ...PLAIN, duplicate: true }
const REFUSED: Failure = { ...PLAIN, refused: true }

/** Feeds inputs in order and returns the end with the effects of the last one. */
function after(
  inputs: readonly PeerInput[],
  context: Partial<PeerContext> = {}
): [PeerState, readonly PeerEffect[]] {
  let state = createPeerState(0)
  let effects: readonly PeerEffect[] = []
  for (const input of inputs) {
    ;({ state, effects } = stepPeer(state, input, {
      selfGreater: false,
      nowMs: 0,
      random: () => 0.5,
      ...context
    }))
  }
  return [state, effects]
}

function names(effects: readonly PeerEffect[]): string[] {
  return effects.map(effect => effect.type)
}

const WANT: PeerInput = { type: 'want', wanted: 'continuous', fresh: true }
const ONCE: PeerInput = { type: 'want', wanted: 'once', fresh: true }
const DIALLED: PeerInput = { type: 'dialled', attempt: 1 }
const ESTABLISHED: PeerInput = { type: 'established', attempt: 1, incarnation: 5n }

describe('the machine of one peer', () => {
  test('want, dial, handshake, up', () => {
    expect(after([WANT])[1]).toEqual([{ type: 'dial', attempt: 1 }])
    expect(after([WANT, DIALLED])[1]).toEqual([{ type: 'handshake', attempt: 1 }])
    expect(after([WANT, DIALLED, ESTABLISHED])[1]).toEqual([{ type: 'up', attempt: 1 }])
  })

  test('a peer that says duplicate is dialled again after a grace, without a failure event', () => {
    for (const want of [WANT, ONCE]) {
      const [, effects] = after([want, DIALLED, { type: 'handshakeFailed', attempt: 1, failure: DUPLICATE }])
      expect(names(effects)).toEqual(['close', 'schedule'])
      expect(effects[1]).toMatchObject({ timer: 'redial', delayMs: 1_500 })
    }
  })

  test('a refusal fails at once and is redialled slowly', () => {
    const [, effects] = after([WANT, DIALLED, { type: 'handshakeFailed', attempt: 1, failure: REFUSED }])
    expect(names(effects)).toEqual(['close', 'failed', 'schedule'])
    expect(effects[2]).toMatchObject({ delayMs: 7_500 })
  })

  test('an inbound connection never cancels our dial', () => {
    const [state, effects] = after([
      WANT,
      { type: 'accepted', attempt: -1 },
      { type: 'verified', attempt: -1, incarnation: 1n, dialAttempt: 4 }
    ])
    expect(names(effects)).toEqual(['decide', 'up'])
    expect(state.dialling).toBe(1)
    const [, late] = after([
      WANT,
      { type: 'accepted', attempt: -1 },
      { type: 'verified', attempt: -1, incarnation: 1n, dialAttempt: 4 },
      DIALLED
    ])
    expect(late).toEqual([{ type: 'close', attempt: 1, code: 'duplicate' }])
  })

  test('the greater peer holds an inbound connection while its own is shaking hands, and then turns it away', () => {
    const greater = { selfGreater: true }
    const inputs: PeerInput[] = [
      WANT,
      { type: 'accepted', attempt: -1 },
      DIALLED,
      { type: 'verified', attempt: -1, incarnation: 5n, dialAttempt: 4 }
    ]
    expect(after(inputs, greater)[1]).toEqual([
      { type: 'schedule', timer: 'hold', number: -1, delayMs: 2_000 }
    ])
    const [, won] = after([...inputs, ESTABLISHED], greater)
    expect(names(won)).toEqual(['up', 'unschedule', 'decide'])
    expect(won[2]).toEqual({ type: 'decide', attempt: -1, accept: false })
    const [, lost] = after([...inputs, { type: 'handshakeFailed', attempt: 1, failure: PLAIN }], greater)
    expect(names(lost)).toEqual(['close', 'unschedule', 'decide', 'up'])
    const [, tired] = after([...inputs, { type: 'timer', timer: 'hold', number: -1 }], greater)
    expect(names(tired)).toEqual(['unschedule', 'decide', 'up'])
  })

  test('a newer incarnation replaces the session at once, an older one is turned away', () => {
    const verified = (incarnation: bigint): readonly PeerEffect[] =>
      after([
        WANT,
        DIALLED,
        ESTABLISHED,
        { type: 'accepted', attempt: -1 },
        { type: 'verified', attempt: -1, incarnation, dialAttempt: 1 }
      ])[1]
    expect(names(verified(6n))).toEqual(['decide', 'down', 'up', 'drain'])
    expect(verified(4n)).toEqual([{ type: 'decide', attempt: -1, accept: false }])
  })

  test('a redial that is due while the peer shakes hands is made up for when that fails, also for a once wish', () => {
    const accepted: PeerInput = { type: 'accepted', attempt: -1 }
    const inboundFailed: PeerInput = { type: 'handshakeFailed', attempt: -1, failure: PLAIN }
    const due: PeerInput = { type: 'timer', timer: 'redial', number: 2 }
    const failed: PeerInput = { type: 'dialFailed', attempt: 1, failure: PLAIN }
    const onceLeft: PeerInput = { type: 'want', wanted: 'once', fresh: false }
    const [, effects] = after([WANT, failed, onceLeft, accepted, due, inboundFailed])
    expect(names(effects)).toEqual(['close', 'schedule'])
    const [, mixed] = after([WANT, accepted, failed, onceLeft, inboundFailed])
    expect(names(mixed)).toEqual(['close', 'schedule'])
  })

  test('stop ends the session with a goodbye, closes what shakes hands, cancels dials, and nothing starts again', () => {
    expect(after([WANT, { type: 'stop' }])[1]).toEqual([{ type: 'cancelDial', attempt: 1 }])
    expect(after([WANT, DIALLED, { type: 'stop' }])[1]).toEqual([
      { type: 'close', attempt: 1, code: 'shutdown' }
    ])
    expect(names(after([WANT, DIALLED, ESTABLISHED, { type: 'stop' }])[1])).toEqual(['down', 'drain'])
    const [state, effects] = after([
      WANT,
      { type: 'stop' },
      { type: 'dialFailed', attempt: 1, failure: PLAIN },
      WANT
    ])
    expect(effects).toEqual([])
    expect(state).toMatchObject({ wanted: 'none', dialling: undefined, redial: undefined, links: [] })
  })
})
