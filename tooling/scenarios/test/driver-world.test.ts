import { createSimulation } from '@starling/sim'
import { describe, expect, test } from 'vitest'
import { DriverWorld, type DriverWorldInit } from '../src/driver-world.ts'

const host = { hop: () => new Promise<void>(resolve => void setImmediate(resolve)) }
const NODES = 8

/** Runs a program on nodes that have joined node 0. Returns the hash of the trace. */
async function play(
  program: (world: DriverWorld) => Promise<void>,
  init: Partial<DriverWorldInit> = {},
  seed = 1
): Promise<string> {
  const simulation = createSimulation({ seed })
  const world = await DriverWorld.create(simulation, { nodes: NODES, ...init })
  const all = async (): Promise<void> => {
    for (let node = 0; node < world.size; node++) world.start(node, node === 0 ? [] : [0])
    await world.sleep(10_000)
    await program(world)
    await world.stop()
  }
  await simulation.runAsync(all, host, 2_000_000)
  return simulation.trace.hash
}

/** How often each running node but the sender has got a text. */
function copies(world: DriverWorld, text: string, sender: number): number[] {
  return world
    .running()
    .filter(node => node !== sender)
    .map(node => world.process(node).received.filter(got => got === text).length)
}

const ONCE = Array.from({ length: NODES - 1 }, () => 1)

describe('peers and gossip on simulated connections', () => {
  test('nodes that join one find each other, each with one session to a peer, and hear every broadcast once', async () => {
    await play(async world => {
      for (const node of world.running()) {
        const { topic, peers } = world.process(node)
        expect(topic.neighbors().length).toBeGreaterThanOrEqual(3)
        const sessions = peers.sessions().map(({ peer }) => peer)
        expect(new Set(sessions).size).toBe(sessions.length)
      }
      world.broadcast(3, 'hello')
      await world.sleep(5_000)
      expect(copies(world, 'hello', 3)).toEqual(ONCE)
    })
  })

  test('through loss, a cut, a crash with a restart and a pause they come together again', async () => {
    await play(
      async world => {
        world.network.partition((from, to) => from < 4 !== to < 4)
        world.crash(7)
        await world.sleep(30_000)
        world.broadcast(1, 'one side')
        await world.sleep(5_000)
        expect(world.process(5).received).not.toContain('one side')
        world.network.partition(undefined)
        world.start(7, [0])
        world.pause(2)
        await world.sleep(20_000)
        world.resume(2)
        await world.sleep(120_000)
        world.broadcast(6, 'all again')
        await world.sleep(10_000)
        expect(copies(world, 'all again', 6)).toEqual(ONCE)
      },
      { network: { loss: 0.05 } }
    )
  })

  test('dials that hang and half-open connections leave no node behind', async () => {
    await play(async world => {
      world.network.setDialOutcome((from, to) => ((from + to) % 3 === 0 ? 'hang' : 'connect'))
      for (let node = 0; node < 4; node++) world.network.halve(node, node + 4)
      world.network.reset(0, 1)
      await world.sleep(30_000)
      world.network.setDialOutcome(undefined)
      await world.sleep(60_000)
      world.broadcast(2, 'still here')
      await world.sleep(10_000)
      expect(copies(world, 'still here', 2)).toEqual(ONCE)
    })
  })

  test('one seed gives one trace, another another', async () => {
    const program = async (world: DriverWorld): Promise<void> => {
      world.broadcast(1, 'x')
      await world.sleep(5_000)
    }
    const [first, again, other] = [await play(program), await play(program), await play(program, {}, 2)]
    expect(first).toBe(again)
    expect(first).not.toBe(other)
  })
})
