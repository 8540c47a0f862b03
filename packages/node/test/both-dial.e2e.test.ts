import { afterAll, describe, expect, test } from 'vitest'
import { eventually, NodeProcess } from './node-process.ts'
import { bothDials } from './runs.ts'

// Goal: two processes that dial each other at the same moment end with one connection and one session, the same at both ends.

interface State {
  readonly sessions: readonly { readonly peer: string; readonly initiator: boolean }[]
  readonly connections: number
  /** Dials that have neither failed nor led to a connection. */
  readonly dialling: number
  readonly opened: { readonly inbound: number; readonly outbound: number }
  readonly sessionsDown: number
  readonly greetings: readonly { readonly from: string; readonly to: string }[]
}

afterAll(() => NodeProcess.endAll())

/** Everything dialled has arrived at both ends, and what was too much is gone. */
function isQuiet([a, b]: readonly [State, State]): boolean {
  return (
    a.dialling === 0 &&
    b.dialling === 0 &&
    a.opened.outbound === b.opened.inbound &&
    b.opened.outbound === a.opened.inbound &&
    a.connections === 1 &&
    b.connections === 1 &&
    a.sessions.length === 1 &&
    b.sessions.length === 1
  )
}

describe.concurrent.each([
  ['quic', bothDials],
  ['tcp', Math.ceil(bothDials / 4)]
])('over %s', (transports, times) => {
  test(
    'both dial at once, again and again: exactly one session and one connection at both ends',
    async () => {
      const [a, b] = [new NodeProcess({}, 'dial-worker.mjs'), new NodeProcess({}, 'dial-worker.mjs')]
      let crossed = 0
      let flapped = 0
      for (let round = 0; round < times; round++) {
        const renewed = await Promise.all(
          [a, b].map(each => each.call<{ id: string; addresses: string[] }>('renew', transports))
        )
        const [atA, atB] = renewed
        if (atA === undefined || atB === undefined) throw new Error('a process did not answer')
        await Promise.all([a.call('dial', atB.id, atB.addresses), b.call('dial', atA.id, atA.addresses)])
        const states = (): Promise<[State, State]> =>
          Promise.all([a.call<State>('state'), b.call<State>('state')])
        const [stateA, stateB] = await eventually(states, isQuiet, 5)
        expect([stateA.sessions[0]?.peer, stateB.sessions[0]?.peer]).toEqual([atB.id, atA.id])
        expect(stateA.sessions[0]?.initiator).toBe(!stateB.sessions[0]?.initiator)
        if (stateA.sessionsDown + stateB.sessionsDown > 0) flapped++
        if (stateA.opened.outbound > 0 && stateB.opened.outbound > 0) crossed++
        // The session that is left carries something both ways.
        await Promise.all([a.call('greet'), b.call('greet')])
        const greeted = await eventually(
          states,
          ([one, other]) => one.greetings.length + other.greetings.length === 2,
          5
        )
        expect(greeted.map(({ greetings }) => greetings)).toEqual([
          [{ from: atB.id, to: atA.id }],
          [{ from: atA.id, to: atB.id }]
        ])
      }
      // Else the rounds would have shown nothing.
      expect(crossed).toBeGreaterThan(0)
      // A session that lives for a moment is right, but not as a rule: it is for a machine too busy to answer in two seconds.
      expect(flapped).toBeLessThan(times / 4)
      await Promise.all([a.call('stop'), b.call('stop')])
      expect(await Promise.all([a.exited, b.exited])).toEqual([0, 0])
    },
    60_000 + times * 2_000
  )
})
