import { createSimulation, SimNetwork, type Simulation } from '@starling/sim'
import { HyParView, type Config, type Input, type Message, type PeerInfo } from '../src/index.ts'

/** What hostile nodes do besides taking part. */
export interface Attack {
  /** Every list they send holds hostile peers only, and shuffles end with them, wherever they were going. */
  readonly poison?: boolean
  /** Shuffles of their own to each neighbour in a minute, each offering a swap for a hostile peer. */
  readonly shufflesPerMinute?: number
  /** Forged joins of hostile peers to each neighbour in a minute. */
  readonly joinsPerMinute?: number
  /** Requests of high priority to random honest nodes in a minute. */
  readonly requestsPerMinute?: number
  /** Links a hostile node keeps. Default 5, as honest ones do. */
  readonly degree?: number
  /** When it begins, ms; until then hostile nodes are as good as all others. Default 0. */
  readonly fromMs?: number
}

export interface HostileOverlayInit {
  readonly nodes: number
  readonly hostile: number
  readonly seed: number
  readonly attack: Attack
  readonly config?: Partial<Config>
}

/** Share of hostile peers in the views of honest nodes, and what is left of the honest overlay. */
export interface HostileShares {
  readonly active: number
  readonly passive: number
  /** Honest nodes whose every neighbour is hostile. */
  readonly eclipsed: number
  /** Honest nodes in the largest component that holds together without hostile nodes, as a share. */
  readonly largest: number
  readonly degree: number
}

const noData = new Uint8Array(0)
const info = (node: number): PeerInfo => ({ id: `${node}`, data: noData })

/** Honest HyParView nodes and hostile ones on a simulated network. Node 0, the contact of all, is honest. */
export class HostileOverlay {
  readonly simulation: Simulation
  readonly network: SimNetwork<Message>
  readonly machines: HyParView[] = []
  readonly hostile: ReadonlySet<number>
  readonly #hostile: readonly number[]
  readonly #nodes: number
  readonly #attack: Attack
  readonly #random
  #ids = 1

  constructor({ nodes, hostile, seed, attack, config }: HostileOverlayInit) {
    this.simulation = createSimulation({ seed })
    this.network = new SimNetwork(this.simulation, {})
    this.#random = this.simulation.random.fork('hostile')
    this.#nodes = nodes
    this.#attack = attack
    const step = hostile === 0 ? 0 : (nodes - 1) / hostile
    this.#hostile = Array.from({ length: hostile }, (_, i) => 1 + Math.floor(i * step))
    this.hostile = new Set(this.#hostile)
    for (let node = 0; node < nodes; node++) {
      const ports = this.simulation.ports(`${node}`, { node })
      const own: Partial<Config> = this.hostile.has(node)
        ? { ...config, activeViewCapacity: attack.degree ?? 5 }
        : { ...config }
      this.machines.push(new HyParView(own, { self: `${node}`, random: ports.random }))
      this.network.attach({
        message: (from, message) => this.#receive(node, from, message),
        peerLost: peer => this.#apply(node, { type: 'peerLost', peer: `${peer}` })
      })
    }
  }

  start(): this {
    for (let node = 0; node < this.#nodes; node++) {
      this.#apply(node, { type: 'join', contacts: node === 0 ? [] : [info(0)] })
      if (this.hostile.has(node)) this.#attackFrom(node)
    }
    return this
  }

  shares(): HostileShares {
    const honest = [...this.machines.keys()].filter(node => !this.hostile.has(node))
    let active = 0
    let hostileActive = 0
    let passive = 0
    let hostilePassive = 0
    let eclipsed = 0
    for (const node of honest) {
      const view = this.neighbors(node)
      const bad = view.filter(peer => this.hostile.has(peer)).length
      active += view.length
      hostileActive += bad
      if (bad === view.length) eclipsed++
      const reserve = (this.machines[node] as HyParView).passiveView.map(Number)
      passive += reserve.length
      hostilePassive += reserve.filter(peer => this.hostile.has(peer)).length
    }
    return {
      active: hostileActive / Math.max(1, active),
      passive: hostilePassive / Math.max(1, passive),
      eclipsed,
      largest: this.#largestComponent(honest) / honest.length,
      degree: active / honest.length
    }
  }

  neighbors(node: number): number[] {
    return (this.machines[node] as HyParView).activeView.map(Number)
  }

  #largestComponent(honest: readonly number[]): number {
    const left = new Set(honest)
    let largest = 0
    for (const start of honest) {
      if (!left.delete(start)) continue
      const component = [start]
      for (const node of component) {
        for (const peer of this.neighbors(node)) if (left.delete(peer)) component.push(peer)
      }
      largest = Math.max(largest, component.length)
    }
    return largest
  }

  #receive(node: number, from: number, message: Message): void {
    if (this.#poisons(node) && message.type === 'shuffle') {
      const origin = Number(message.origin.id)
      if (this.hostile.has(origin)) return
      this.network.send(node, origin, {
        type: 'shuffleReply',
        shuffleId: message.shuffleId,
        data: noData,
        entries: this.#friends(8),
        swap: message.swap === undefined ? undefined : this.#friends(1)[0]
      })
      return
    }
    this.#apply(node, { type: 'message', from: `${from}`, message })
  }

  #apply(node: number, input: Input): void {
    const machine = this.machines[node] as HyParView
    for (const output of machine.handle(input, this.simulation.nowMs)) {
      if (output.type === 'send') {
        const { message } = output
        this.network.send(node, Number(output.to), this.#poisons(node) ? this.#poisoned(message) : message)
      } else if (output.type === 'schedule') {
        const timer: Input = { type: 'timer', timer: output.timer }
        this.simulation.schedule(output.delayMs, () => this.#apply(node, timer), node)
      } else if (output.type === 'neighborUp') this.network.watch(node, Number(output.peer))
      else if (output.type === 'neighborDown') this.network.unwatch(node, Number(output.peer))
    }
  }

  #poisons(node: number): boolean {
    const { poison = false, fromMs = 0 } = this.#attack
    return poison && this.hostile.has(node) && this.simulation.nowMs >= fromMs
  }

  #poisoned(message: Message): Message {
    switch (message.type) {
      case 'forwardJoin':
        return { ...message, peer: this.#friend() }
      case 'neighborReply':
      case 'disconnect':
        return { ...message, samples: this.#friends(4) }
      case 'shuffle':
        return { ...message, entries: this.#friends(7) }
      case 'shuffleReply':
        return { ...message, entries: this.#friends(8) }
      default:
        return message
    }
  }

  #attackFrom(node: number): void {
    const { shufflesPerMinute = 0, joinsPerMinute = 0, requestsPerMinute = 0 } = this.#attack
    const neighbors = (send: (peer: string) => Message) => () => {
      for (const peer of this.neighbors(node)) this.network.send(node, peer, send(`${peer}`))
    }
    this.#every(
      shufflesPerMinute,
      node,
      neighbors(() => ({
        type: 'shuffle',
        shuffleId: this.#ids++,
        origin: this.#friend(),
        ttl: 5,
        link: 0,
        entries: this.#friends(7),
        swap: this.#friend()
      }))
    )
    this.#every(
      joinsPerMinute,
      node,
      neighbors(() => ({
        type: 'forwardJoin',
        peer: this.#friend(),
        walk: 'split',
        ttl: this.#random.below(6),
        spareHops: 6
      }))
    )
    this.#every(requestsPerMinute, node, () => {
      const victim = this.#random.below(this.#nodes)
      if (this.hostile.has(victim)) return
      this.network.send(node, victim, {
        type: 'neighbor',
        requestId: this.#ids++,
        priority: 'high',
        data: noData,
        active: [],
        split: undefined,
        replaces: undefined,
        swap: undefined
      })
    })
  }

  #every(perMinute: number, node: number, act: () => void): void {
    if (perMinute === 0) return
    const again = (): void => {
      this.simulation.schedule(60_000 / perMinute, again, node)
      act()
    }
    const { fromMs = 2_000 } = this.#attack
    this.simulation.schedule(fromMs + (this.#random.float() * 60_000) / perMinute, again, node)
  }

  #friend(): PeerInfo {
    return info(this.#hostile[this.#random.below(this.#hostile.length)] as number)
  }

  #friends(count: number): PeerInfo[] {
    return Array.from({ length: count }, () => this.#friend())
  }
}
