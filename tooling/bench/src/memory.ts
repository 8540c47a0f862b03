import process from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

interface WasmMemory {
  readonly buffer: ArrayBuffer
}

interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>
}

interface WasmNamespace {
  Instance: new (...args: unknown[]) => WasmInstance
  instantiate: (...args: unknown[]) => Promise<WasmInstance | { readonly instance: WasmInstance }>
  readonly Memory: new (...args: never[]) => WasmMemory
}

const memories: WasmMemory[] = []

/**
 * Counts from now on the memory of every WebAssembly module, which is in none of the process's own figures. Call it before the
 * module is loaded.
 */
export function watchWasm(): void {
  const wasm = (globalThis as unknown as { WebAssembly: WasmNamespace }).WebAssembly
  const { Instance, instantiate } = wasm
  const note = (instance: WasmInstance): void => {
    for (const each of Object.values(instance.exports)) if (each instanceof wasm.Memory) memories.push(each)
  }
  wasm.Instance = new Proxy(Instance, {
    construct(target, args: unknown[]) {
      const instance = new target(...args)
      note(instance)
      return instance
    }
  })
  wasm.instantiate = async (...args) => {
    const result = await instantiate.apply(wasm, args)
    note('instance' in result ? result.instance : result)
    return result
  }
}

/** Bytes in use after a garbage collection: the JavaScript heap, what it refers to outside, and WebAssembly memory. */
export function bytesInUse(): number {
  // What finalisers free is only gone after the next one.
  collectGarbage()
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external + memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0)
}

let collect: (() => void) | undefined

function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  collect()
}
