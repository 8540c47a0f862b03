import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DEFAULT_CONFIG, type Config, type Input, type Message } from '../src/index.ts'
import { message, peerKey } from './arbitraries.ts'
import { Driver, idOf, info, sends } from './driver.ts'
import { runs } from './runs.ts'

/** What happens next: local inputs, messages of any kind, honest answers to what the machine asked, and time. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('message' as const), from: peerKey, message }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('answer' as const), accept: fc.boolean(), nth: fc.nat() })
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 5000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lost' as const), peer: peerKey }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('end' as const), peer: peerKey, alive: fc.boolean() })
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('join' as const), contact: peerKey }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'leave' as const }) }
)

const config: fc.Arbitrary<Partial<Config>> = fc.record({
  activeViewCapacity: fc.integer({ min: 1, max: 4 }),
  passiveViewCapacity: fc.integer({ min: 0, max: 5 }),
  joinRule: fc.constantFrom('split' as const, 'replace' as const),
  shuffleIntervalMs: fc.constant(2000),
  swapShare: fc.constantFrom(0, 1)
})

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** Plays steps on one machine; `check` sees it after each. Requests of the machine can be answered as a peer would. */
function play(driver: Driver, steps: readonly Step[], check: (input: Input | undefined) => void): void {
  const asked: { to: string; requestId: number }[] = []
  const note = (sent: readonly { to: string; message: Message }[]): void => {
    for (const { to, message: sentMessage } of sent) {
      if (sentMessage.type === 'neighbor' || sentMessage.type === 'join') {
        asked.push({ to, requestId: sentMessage.requestId })
      }
    }
  }
  const apply = (input: Input): void => {
    note(sends(driver.apply(input)))
    check(input)
  }
  for (const next of steps) {
    switch (next.kind) {
      case 'message':
        apply({ type: 'message', from: next.from, message: next.message })
        break
      case 'answer': {
        const request = asked.splice(asked.length === 0 ? 0 : next.nth % asked.length, 1)[0]
        if (request === undefined) break
        const reply: Message = {
          type: 'neighborReply',
          requestId: request.requestId,
          accepted: next.accept,
          data: new Uint8Array(0),
          samples: []
        }
        apply({ type: 'message', from: request.to, message: reply })
        break
      }
      case 'wait':
        note(driver.advance(next.ms))
        check(undefined)
        break
      case 'lost':
        apply({ type: 'peerLost', peer: next.peer })
        break
      case 'end': {
        const end: Message = { type: 'disconnect', links: [idOf(next.peer)], alive: next.alive, samples: [] }
        apply({ type: 'message', from: next.peer, message: end })
        break
      }
      case 'join':
        apply({ type: 'join', contacts: [info(next.contact)] })
        break
      case 'leave':
        apply({ type: 'leave' })
        break
    }
  }
}

describe('whatever happens', () => {
  test('HPV-I1: views are bounded, disjoint and never hold the node itself', () => {
    fc.assert(
      fc.property(config, fc.integer(), fc.array(step, { maxLength: 80 }), (overrides, seed, steps) => {
        const driver = new Driver(overrides, seed)
        driver.join('a')
        play(driver, steps, () => {
          const { activeView, passiveView } = driver.machine
          expect(activeView.length).toBeLessThanOrEqual(overrides.activeViewCapacity as number)
          expect(passiveView.length).toBeLessThanOrEqual(overrides.passiveViewCapacity as number)
          const all = [...activeView, ...passiveView]
          expect(new Set(all).size).toBe(all.length)
          expect(all).not.toContain('self')
        })
      }),
      runs(1_000)
    )
  })

  test('HPV-I3: up and down alternate, and those that are up are the active view', () => {
    fc.assert(
      fc.property(config, fc.integer(), fc.array(step, { maxLength: 80 }), (overrides, seed, steps) => {
        const driver = new Driver(overrides, seed)
        driver.join('a')
        // The driver throws when two of a kind follow each other.
        play(driver, steps, () =>
          expect([...driver.up].toSorted()).toEqual(driver.machine.activeView.toSorted())
        )
      }),
      runs(1_000)
    )
  })

  test('HPV-I6: a message says nothing about the status of anybody but its sender', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.tuple(peerKey, message), { maxLength: 60 }), (seed, messages) => {
        const driver = new Driver({}, seed).link('a', 'b', 'c')
        for (const [from, value] of messages) {
          const before = new Set(driver.machine.activeView)
          driver.receive(from, value)
          const after = new Set(driver.machine.activeView)
          for (const peer of after) {
            // Only the sender itself, or a peer that had asked by itself and was held back, may come up.
            if (!before.has(peer) && peer !== from) expect(value.type).toBe('replaced')
          }
          for (const peer of before) {
            // Another's place is taken only where the rules of the overlay give the sender one.
            if (!after.has(peer) && peer !== from) expect(['neighbor', 'neighborReply']).toContain(value.type)
          }
        }
      }),
      runs(1_000)
    )
  })

  test('HPV-I6: messages of a stranger that names a neighbour leave the neighbour alone', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(message, { maxLength: 40 }), (seed, messages) => {
        const driver = new Driver({ activeViewCapacity: 5 }, seed).link('a', 'b')
        for (const value of messages) {
          driver.receive('stranger', value)
          expect(driver.machine.activeView).toEqual(expect.arrayContaining(['a', 'b']))
        }
      }),
      runs(1_000)
    )
  })

  test('HPV-I8: no request is pending for longer than its timeout', () => {
    fc.assert(
      fc.property(config, fc.integer(), fc.array(step, { maxLength: 80 }), (overrides, seed, steps) => {
        const driver = new Driver(overrides, seed)
        driver.join('a')
        play(driver, steps, () => {
          for (const { sentMs } of driver.machine.pendingRequests) {
            expect(driver.nowMs - sentMs).toBeLessThanOrEqual(DEFAULT_CONFIG.requestTimeoutMsMax)
          }
        })
      }),
      runs(1_000)
    )
  })

  test('HPV-I5: a neighbour that asks or joins again changes nothing', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.boolean(), { maxLength: 100 }), (seed, kinds) => {
        const driver = new Driver({}, seed).link('a', 'b', 'c', 'd', 'e')
        const before = driver.machine.activeView
        const events = driver.events.length
        kinds.forEach((asks, i) => {
          driver.nowMs += 1000
          if (asks) driver.receive('c', { type: 'neighbor', ...neighborFields(i) })
          else driver.receive('c', { type: 'join', requestId: i, data: new Uint8Array(0) })
        })
        expect(driver.machine.activeView).toEqual(before)
        expect(driver.events.length).toBe(events)
      })
    )
  })
})

function neighborFields(requestId: number): Omit<Extract<Message, { type: 'neighbor' }>, 'type'> {
  return {
    requestId,
    priority: 'high',
    data: new Uint8Array(0),
    active: [],
    split: undefined,
    replaces: undefined,
    swap: undefined
  }
}
