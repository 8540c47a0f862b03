import { encodeEntry, putEntry, type Entry } from '@starling/ormap'
import { describe, expect, test } from 'vitest'
import { SyncFrameError, type SyncExchange } from '../src/index.ts'
import { decodeFrame, encodeEnd, encodeHello, encodePart, EntryPacker } from '../src/frames.ts'
import { bytes, openNode, put, read, type Node } from './support/world.ts'

const signal = new AbortController().signal

/** An exchange whose peer is the test: what it sends is recorded, what it reads was prepared. */
function scripted(
  frames: readonly Uint8Array[],
  messageBytesMax = 1 << 20
): SyncExchange & { sent: Uint8Array[] } {
  const sent: Uint8Array[] = []
  return {
    messageBytesMax,
    sent,
    send: async message => void sent.push(message),
    async *[Symbol.asyncIterator]() {
      yield* frames
    }
  }
}

const hello = encodeHello(new Uint8Array(16).fill(7))

function entriesFrame(...entries: Uint8Array[]): Uint8Array {
  const packer = new EntryPacker('frame', 1 << 20)
  for (const entry of entries) packer.add(entry)
  return packer.flush() as Uint8Array
}

function remoteEntry(node: Node, key: string, value: string, offsetMs = 0): Uint8Array {
  return encodeEntry(
    key,
    putEntry(undefined, 'f'.repeat(16), BigInt(node.clock.ms + offsetMs) << 16n, bytes(value))
  )
}

function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('it resolved')
    },
    (error: Error) => error
  )
}

describe('a peer that does not play by the rules', () => {
  test.each([
    ['nothing at all', [], /stopped before its end/],
    ['an empty frame', [new Uint8Array(0)], /truncated/],
    ['an unknown frame', [new Uint8Array([99])], /unknownType/],
    ['another version', [new Uint8Array([1, 9, ...new Uint8Array(16)])], /unknownType/],
    ['entries before the hello', [entriesFrame(new Uint8Array([1]))], /before the hello/],
    ['an end before the hello', [encodeEnd(0)], /before the hello/],
    ['two hellos', [hello, hello], /second hello/],
    ['a false count', [hello, encodeEnd(3)], /sent 3 entries, 0 arrived/],
    ['no end', [hello, entriesFrame(new Uint8Array([1]))], /stopped before its end/],
    ['a frame beyond every limit', [new Uint8Array(1024 * 1024 + 1)], /1048577 bytes/],
    ['a frame with bytes left over', [hello, new Uint8Array([...encodeEnd(0), 1])], /trailing/],
    ['an entry that says it is longer than the frame', [hello, new Uint8Array([2, 200, 1])], /tooLong/],
    ['a part with a false flag', [hello, new Uint8Array([4, 2, 1])], /outOfRange/]
  ])('%s ends the round with a typed error', async (_name, frames, message) => {
    const node = await openNode()
    const round = node.replica.protocol.reconcile(scripted(frames), {
      peer: 'mallory',
      initiator: true,
      signal
    })
    const error = await rejection(round)
    expect(error).toBeInstanceOf(SyncFrameError)
    expect(error).toMatchObject({ name: 'SyncFrameError', peer: 'mallory' })
    expect(error.message).toMatch(message)
    await node.replica.commit([put('k', 'still alive')])
    expect(read(node, 'k')).toBe('still alive')
  })

  test('bad entries are refused one by one and make the round incomplete', async () => {
    const node = await openNode()
    const frames = [
      hello,
      entriesFrame(
        new Uint8Array([1, 2]),
        remoteEntry(node, 'future', 'x', 60_001),
        remoteEntry(node, 'good', 'x')
      ),
      encodeEnd(3)
    ]
    const outcome = await node.replica.protocol.reconcile(scripted(frames), {
      peer: 'mallory',
      initiator: false,
      signal
    })
    expect(outcome).toMatchObject({ complete: false, entriesSent: 0, entriesReceived: 3 })
    expect([read(node, 'good'), read(node, 'future')]).toEqual(['x', undefined])
    expect(node.replica.stats().rejected).toEqual({ malformed: 1, future: 1 })
    expect(node.events.at(-1)).toMatchObject({ type: 'rejected', peer: 'mallory' })
  })

  test('when one part of an entry is refused, so are those that follow it, and only those', async () => {
    const node = await openNode()
    await node.replica.commit([put('k', 'mine')])
    const mine = (node.replica.entry('k') as Entry).items[0]
    const evidence = encodeEntry('k', {
      items: [{ replica: mine?.replica ?? '', stamp: 1n << 62n, value: undefined }]
    })
    const small = encodeEntry('k', {
      items: [{ replica: mine?.replica ?? '', stamp: mine?.stamp ?? 0n, value: undefined }]
    })
    const frames = [
      hello,
      encodePart(true, remoteEntry(node, 'k', 'future', 60_001)),
      encodePart(false, small),
      encodePart(true, remoteEntry(node, 'l', 'good')),
      encodePart(true, evidence),
      encodeEnd(4)
    ]
    const outcome = await node.replica.protocol.reconcile(scripted(frames), {
      peer: 'mallory',
      initiator: false,
      signal
    })
    expect(outcome.complete).toBe(false)
    expect([read(node, 'k'), read(node, 'l')]).toEqual(['mine', 'good'])
  })
})

describe('frames', () => {
  test('read back as they were written', () => {
    expect(decodeFrame(hello)).toEqual({ type: 'hello', fingerprint: new Uint8Array(16).fill(7) })
    expect(decodeFrame(encodeEnd(300))).toEqual({ type: 'end', sent: 300 })
    const entry = new Uint8Array([1, 2, 3])
    expect(decodeFrame(encodePart(false, entry))).toEqual({ type: 'part', first: false, entry })
    expect(decodeFrame(entriesFrame(entry, entry))).toEqual({ type: 'entries', entries: [entry, entry] })
  })
})
