import { expect, test } from 'vitest'
import { bytesInUse, watchWasm } from '../src/memory.ts'

// (module (memory (export "memory") 16)): 16 pages of 64 KiB.
const MODULE = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 0, 16, 7, 10, 1, 6, 109, 101, 109, 111, 114, 121, 2, 0
])

interface Wasm {
  instantiate(bytes: Uint8Array): Promise<{ instance: object }>
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => object
}

test('memory in use counts what the heap keeps, and the memory of WebAssembly modules', async () => {
  watchWasm()
  const wasm = (globalThis as unknown as { WebAssembly: Wasm }).WebAssembly
  const before = bytesInUse()
  const kept = Array.from({ length: 100_000 }, (_, i) => ({ i }))
  const withHeap = bytesInUse()
  expect(withHeap - before).toBeGreaterThan(2_000_000)
  const { instance } = await wasm.instantiate(MODULE)
  const again = new wasm.Instance(new wasm.Module(MODULE))
  expect(bytesInUse() - withHeap).toBeGreaterThan(2 * 16 * 65_536 - 500_000)
  expect([kept.length, instance === again]).toEqual([100_000, false])
})
