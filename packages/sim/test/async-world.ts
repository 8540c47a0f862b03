import { createSimulation, SimDisk } from '../src/index.ts'

/** A small asynchronous world: processes that write, sync and are cut off. Returns the hash of its trace. */
export async function play(seed: number): Promise<string> {
  const simulation = createSimulation({ seed })
  const ports = simulation.ports('disk')
  const disk = new SimDisk({
    random: ports.random,
    timers: ports.timers,
    observe: operation => simulation.trace.note(simulation.nowMs, 0, operation.text)
  })
  disk.inject({ type: 'latency', msMax: 5 })
  const work = async (name: string): Promise<void> => {
    const random = simulation.random.fork(name)
    const file = await disk.process().open(`/${name}`, { create: true })
    for (let i = 0; i < 20; i++) {
      await file.write(file.size, random.bytes(1 + random.below(2000)))
      if (random.below(3) === 0) await file.sync()
    }
  }
  await simulation.runAsync(
    async () => {
      await Promise.all(['a', 'b', 'c'].map(work))
      disk.powerCut()
      for (const { path, size } of disk.files()) simulation.trace.note(simulation.nowMs, 0, `${path} ${size}`)
    },
    { hop: () => new Promise(resolve => void setImmediate(resolve)) }
  )
  return simulation.trace.hash
}

if (process.argv[1] === import.meta.filename) console.log(await play(Number(process.argv[2])))
