// Prints what decoding each buffer allocates, one line of JSON for all. Reads `[name, hexadecimal digits]` pairs as JSON from
// its input. Runs the build, in a process whose young generation is so large that nothing is collected while it measures.
import { readFileSync } from 'node:fs'
import { checkValue, decodeUtf8, decodeValue, FrameDecoder } from '../../dist/index.js'

const frames = bytes => {
  const decoder = new FrameDecoder(65_536)
  decoder.push(bytes, () => {})
  return decoder
}
const DECODERS = { value: decodeValue, check: checkValue, frames, utf8: decodeUtf8 }

function used() {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Bytes allocated by one call, without those of the measurement itself. */
function allocated(decode, bytes) {
  globalThis.gc()
  const before = used()
  try {
    decode(bytes)
  } catch {
    // What refusing allocates counts as well.
  }
  return used() - before
}

const results = JSON.parse(readFileSync(0, 'utf8')).map(([decoder, name, digits]) => {
  const bytes = new Uint8Array(Buffer.from(digits, 'hex'))
  const decode = DECODERS[decoder]
  // The first call compiles, and fills what is kept from call to call.
  allocated(decode, bytes)
  return { name: `${decoder} ${name}`, length: bytes.length, allocated: allocated(decode, bytes) }
})
process.stdout.write(JSON.stringify(results))
