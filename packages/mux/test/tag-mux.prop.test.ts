import { TagTakenError, type MuxRegistration } from '@starling/mux'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Parking, type Parked } from '../src/parking.ts'
import { encodePreamble } from '../src/preamble.ts'
import { Registry } from '../src/registry.ts'
import { encodeTag } from '../src/tag.ts'
import { Recorder, cutAt, drain, turns } from '../src/contract/probes.ts'
import { InMemoryConnection, inMemoryHost } from './support/in-memory-network.ts'
import { ManualTimers } from '../src/contract/manual-timers.ts'

const tag = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter(text => text.isWellFormed())
const timers = new ManualTimers()

describe('hand-over (MUX-I1)', () => {
  test('a raw handler sees exactly the payload, in order, once, and one end', async () => {
    await fc.assert(
      fc.asyncProperty(
        tag,
        fc.uint8Array({ maxLength: 5000 }),
        fc.array(fc.nat(5300), { maxLength: 12 }),
        fc.constantFrom('quic' as const, 'tcp' as const),
        fc.boolean(),
        async (tag, payload, places, manner, together) => {
          const acceptor = await inMemoryHost('acceptor', {}, timers)
          const dialler = await inMemoryHost('dialler', {}, timers)
          const recorder = new Promise<Recorder>(resolve => {
            acceptor.mux.handle(tag, stream => {
              const recorder = new Recorder(stream)
              stream.addEventListener('end', () => resolve(recorder))
            })
          })
          const bytes = encodePreamble(encodeTag(tag, false), payload)
          const cut = (sent: Uint8Array): Uint8Array[] => cutAt(sent, places)
          const [connection] = InMemoryConnection.pair(dialler, acceptor, { manner, cut })
          const stream = await connection.newStream()
          stream.addEventListener('message', () => {})
          if (together) stream.send(bytes)
          else for (const piece of cutAt(bytes, places)) stream.send(piece)
          await stream.close()
          const seen = await recorder
          await turns(3)
          expect(seen.bytes()).toEqual(new Uint8Array(payload))
          expect(seen.ends).toBe(1)
        }
      ),
      { numRuns: 60 }
    )
  })

  test('a channel sees exactly the messages, in order, once, and the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 9000 }), { maxLength: 12 }),
        fc.array(fc.nat(20_000), { maxLength: 12 }),
        fc.constantFrom('quic' as const, 'tcp' as const),
        async (messages, places, manner) => {
          const acceptor = await inMemoryHost('acceptor', { windowBytes: 16_384 }, timers)
          const dialler = await inMemoryHost('dialler', { windowBytes: 16_384 }, timers)
          const received = new Promise<Uint8Array[]>(resolve => {
            acceptor.mux.handleChannel('t', async channel => {
              resolve(await drain(channel))
              await channel.end()
            })
          })
          const cut = (sent: Uint8Array): Uint8Array[] => cutAt(sent, places)
          const [connection] = InMemoryConnection.pair(dialler, acceptor, { manner, cut })
          const channel = await dialler.mux.openChannel(connection.asConnection, 't')
          for (const message of messages) if (!channel.send(message)) await channel.drained()
          const [back] = await Promise.all([drain(channel), channel.end()])
          await channel.closed
          expect(await received).toEqual(messages.map(message => new Uint8Array(message)))
          expect(back).toEqual([])
        }
      ),
      { numRuns: 40 }
    )
  })
})

describe('tags (MUX-I2, MUX-I5)', () => {
  test('a tag has at most one owner, an owner any number of tags, and a disposed one none', () => {
    const names = ['a', 'b', 'c', 'd']
    const step = fc.oneof(
      fc.record({ type: fc.constant('add' as const), tags: fc.subarray(names, { minLength: 1 }) }),
      fc.record({ type: fc.constant('dispose' as const), which: fc.nat(20) })
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const registry = new Registry()
        const model = new Map<string, number>()
        const registrations: MuxRegistration[] = []
        for (const step of steps) {
          if (step.type === 'add') {
            const id = registrations.length
            const taken = step.tags.some(tag => model.has(tag))
            const add = (): MuxRegistration => registry.addRaw(step.tags, () => void id)
            if (taken) {
              expect(add).toThrow(TagTakenError)
              continue
            }
            registrations.push(add())
            for (const tag of step.tags) model.set(tag, id)
          } else {
            const id = step.which % Math.max(registrations.length, 1)
            registrations[id]?.dispose()
            for (const [tag, owner] of model) if (owner === id) model.delete(tag)
          }
          const owners = new Map(names.map(tag => [tag, registry.find(encodeTag(tag, false))?.registration]))
          for (const tag of names) expect(owners.get(tag) !== undefined).toBe(model.has(tag))
          for (const [one, id] of model) {
            for (const [other, otherId] of model) {
              expect(owners.get(one) === owners.get(other)).toBe(id === otherId)
            }
          }
        }
      })
    )
  })

  test('a tag without an owner is refused as unknown, whatever it is, and the others are not touched', async () => {
    const acceptor = await inMemoryHost('acceptor', {}, timers)
    const dialler = await inMemoryHost('dialler', {}, timers)
    const [connection] = InMemoryConnection.pair(dialler, acceptor, { manner: 'quic' })
    acceptor.mux.handleChannel('owned', () => {})
    await fc.assert(
      fc.asyncProperty(
        tag.filter(name => name !== 'owned' && !name.startsWith('starling:')),
        fc.boolean(),
        async (name, raw) => {
          const target = connection.asConnection
          const opening = raw ? dialler.mux.open(target, name) : dialler.mux.openChannel(target, name)
          await expect(opening).rejects.toMatchObject({ name: 'StreamRefusedError', reason: 'unknownTag' })
        }
      ),
      { numRuns: 60 }
    )
    await dialler.mux.openChannel(connection.asConnection, 'owned')
    expect(acceptor.mux.stats()).toMatchObject({ accepted: 1, parked: 0 })
  })
})

describe('parking (MUX-I3, MUX-I4)', () => {
  test('keeps to both limits, and a peer below its fair share always gets in', () => {
    const step = fc.record({ peer: fc.constantFrom('a', 'b', 'c', 'd'), leave: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), steps => {
        const parking = new Parking({ parkedPerPeerMax: 4, parkedMax: 9 })
        const inside = new Set<Parked>()
        let released = 0
        let gone = 0
        for (const { peer, leave } of steps) {
          const own = [...inside].filter(parked => parked.peer === peer)
          if (leave) {
            const [first] = own
            if (first === undefined) continue
            expect(parking.remove(first)).toBe(true)
            expect(parking.remove(first)).toBe(false)
            inside.delete(first)
            gone++
          } else {
            const parked = { peer, deadline: undefined, release: () => released++ } as unknown as Parked
            const admission = parking.add(parked)
            // Nine places for four peers: whoever has none or one finds somebody with three or more, or room.
            if (own.length < 2) expect(admission.type).toBe('admitted')
            if (own.length >= 4) expect(admission.type).toBe('refused')
            if (admission.type === 'admitted') {
              inside.add(parked)
              if (admission.evicted !== undefined) {
                expect(inside.delete(admission.evicted)).toBe(true)
                gone++
                expect(admission.evicted.peer).not.toBe(peer)
              }
            }
          }
          expect(parking.size).toBe(inside.size)
          expect(parking.size).toBeLessThanOrEqual(9)
          for (const parked of inside) expect(parking.has(parked)).toBe(true)
        }
        expect(new Set(parking.all())).toEqual(inside)
        expect(released).toBe(gone)
      })
    )
  })
})
