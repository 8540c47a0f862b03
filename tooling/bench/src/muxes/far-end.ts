/** The other end of a link, in a process of its own: takes everything, sends it back, or does nothing with it. */
import process from 'node:process'
import { bytesInUse } from '../memory.ts'
import { createHost, type Stream, type Transport } from './host.ts'
import { RAW_ECHO, RAW_ONE, RAW_SINK, RAW_STREAMS_MAX } from './raw-protocols.ts'

const [transport, windowBytes] = process.argv.slice(2)
const host = await createHost(transport as Transport, { listens: true, windowBytes: Number(windowBytes) })
const { mux } = host.services

mux.handleChannel('sink', async channel => {
  await channel.consume(() => {})
  await channel.end()
})
mux.handleChannel('iterated-sink', async channel => {
  for await (const _ of channel);
  await channel.end()
})
mux.handleChannel('echo', async channel => {
  // A message is lent for the call only, and the queue holds on to what it is given.
  await channel.consume(message => void channel.send(message.slice()))
  await channel.end()
})
mux.handleChannel('stalled', () => {})

const options = { maxInboundStreams: RAW_STREAMS_MAX }
await host.handle(RAW_SINK, sink, options)
await host.handle(
  RAW_ECHO,
  stream => {
    closeInTurn(stream)
    stream.addEventListener('message', ({ data }) => stream.send(data))
  },
  options
)
await host.handle(
  RAW_ONE,
  stream => {
    closeInTurn(stream)
    stream.addEventListener('message', () => stream.send(Uint8Array.of(1)), { once: true })
  },
  options
)

function sink(stream: Stream): void {
  closeInTurn(stream)
  let missing: number | undefined
  stream.addEventListener('message', ({ data }) => {
    if (missing === undefined) {
      const { buffer, byteOffset } = data.subarray(0, 8)
      missing = Number(new DataView(buffer, byteOffset).getBigUint64(0)) + 8
    }
    missing -= data.byteLength
    if (missing === 0) stream.send(Uint8Array.of(1))
  })
}

/** A stream is free only when both ends have closed it. */
function closeInTurn(stream: Stream): void {
  stream.addEventListener('remoteCloseWrite', () => void stream.close().catch(() => {}))
}

process.on('message', () => {
  process.send?.(bytesInUse())
})
process.on('disconnect', () => process.exit())
process.send?.(host.getMultiaddrs().map(String))
