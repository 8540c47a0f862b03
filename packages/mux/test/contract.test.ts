import { muxContract, type MuxPairSetup } from '@starling/mux/contract'
import { expect, test } from 'vitest'
import { concat } from '../src/contract/probes.ts'
import { setups } from './support/setup.ts'

// The transports' tests run what is listed; here is what that must be.
test('the contract has these cases', () => {
  expect(muxContract.map(({ name }) => name)).toEqual([
    'hands a raw stream over with exactly the payload and one end, however it was cut (MUX-A1)',
    'takes a preamble cut at every place, and 1 MiB right behind it in one piece',
    'hands a raw stream over when preamble, payload and end come together',
    'opens raw streams whose bytes are untouched in both directions',
    'rejects with the reason when no handler owns the tag (MUX-A5, MUX-I5)',
    'loses none of 1,000 verdicts, and opens streams after them',
    'loses no verdict that is given before anything has been read',
    'channels run side by side, and a stuck one holds up no other',
    'a consumer that is called gets every message byte for byte, and its answers go out',
    'a handler that throws or rejects ends its own stream only',
    'the end of the connection ends every channel and every wait',
    'stopping answers what is parked, ends what is open, and settles',
    '64 channels of a connection are open at once, and the next waits for a place',
    'an acceptor at its limit says so, and goes on when there is room',
    'a peer that dawdles keeps its quota, and gets its verdict at the deadline (MUX-A2)',
    'half-open streams that are reset leave nothing behind (MUX-A4)',
    'a tag is any bytes: none is special, and no two are mistaken for each other',
    'a raw stream that its handler never reads costs no more than libp2p buffers',
    'a client beyond its rate is told so each time, and its channels go on',
    'what a stranger gets is less than three times what it sent (I23)',
    'streams outlive the registration of their tag, unless it ends them',
    'refuses what is no preamble, and what ends within one (MUX-A6)',
    'a channel whose opener breaks the rules is ended with the reason, and no other is touched',
    'a client that takes nothing holds up its own channel, at a bounded cost',
    'a flood of streams costs the flooder its verdicts, and nobody else anything',
    'a stream that comes while the mux stops is told so'
  ])
})

test('a case fails when a promise is not kept', async () => {
  // A mux whose raw streams lose the first byte of every write.
  const lossy: MuxPairSetup = async init => {
    const pair = await setups['in memory'](init)
    const open = pair.dialler.open.bind(pair.dialler)
    pair.dialler.open = async (...args) => {
      const stream = await open(...args)
      const send = stream.send.bind(stream)
      stream.send = data => send(concat([Uint8Array.of(0), data.subarray(1)]))
      return stream
    }
    return pair
  }
  const untouched = muxContract.find(({ name }) => name.startsWith('opens raw streams whose bytes'))
  await expect(untouched?.run(lossy)).rejects.toMatchObject({ code: 'ERR_ASSERTION' })
})
