import type { Input, Message, Output } from '@starling/hyparview'
import type { PlumtreeStats } from '@starling/plumtree'
import type { BroadcastWorld } from '../broadcast-world.ts'
import type { Observer } from '../observer.ts'

type Step<T extends Message['type']> = (
  message: Extract<Message, { type: T }>,
  outputs: readonly Output[]
) => boolean

/** A state of the membership machine that few runs come to, told by a message and what came of it. */
function onMessage<T extends Message['type']>(type: T, reached: Step<T>): RareStep {
  return (input, outputs) =>
    input.type === 'message' &&
    input.message.type === type &&
    reached(input.message as Extract<Message, { type: T }>, outputs)
}

type RareStep = (input: Input, outputs: readonly Output[]) => boolean

const rejected = (outputs: readonly Output[], reason: string): boolean =>
  outputs.some(output => output.type === 'reject' && output.reason === reason)

/** Whether a request was answered so; nothing of the kind when it was held back. */
const answered = (outputs: readonly Output[], accepted: boolean): boolean =>
  outputs.some(
    output =>
      output.type === 'send' &&
      output.message.type === 'neighborReply' &&
      output.message.accepted === accepted
  )

const expects = (outputs: readonly Output[]): boolean =>
  outputs.some(output => output.type === 'schedule' && output.timer.type === 'expire')

const STEPS: Readonly<Record<string, RareStep>> = {
  'an acceptance came too late': onMessage(
    'neighborReply',
    ({ accepted }, outputs) => accepted && rejected(outputs, 'unasked')
  ),
  'a link was ended that did not stand': onMessage('disconnect', (_, outputs) =>
    rejected(outputs, 'notNeighbor')
  ),
  'a shuffle came over a link that one end had lost': onMessage('shuffle', ({ link }, outputs) =>
    link === 0 ? false : rejected(outputs, 'notNeighbor')
  ),
  'a request was held back until it was announced': onMessage(
    'neighbor',
    ({ replaces }, outputs) =>
      replaces !== undefined && !answered(outputs, true) && !answered(outputs, false) && expects(outputs)
  ),
  'a place on a link was turned down': onMessage(
    'neighbor',
    ({ split }, outputs) => split !== undefined && answered(outputs, false)
  ),
  'a node one place short took the place on a link': onMessage(
    'neighbor',
    ({ split }, outputs) => split !== undefined && answered(outputs, true) && !expects(outputs)
  ),
  'a swap of links was agreed to': onMessage('shuffle', ({ swap }, outputs) =>
    swap === undefined
      ? false
      : outputs.some(
          output =>
            output.type === 'send' &&
            output.message.type === 'shuffleReply' &&
            output.message.swap !== undefined
        )
  ),
  'a message was over the budget of its sender': (_, outputs) => rejected(outputs, 'tooMany'),
  'a node that had left was asked': (_, outputs) => rejected(outputs, 'notJoined')
}

const TREES: Readonly<Record<string, (stats: PlumtreeStats) => boolean>> = {
  'a payload was fetched because it was late': ({ lateGrafts }) => lateGrafts > 0,
  'a payload was asked for that was kept no longer': ({ received }) => received.unavailable > 0,
  'an announced payload was given up': ({ abandoned }) => abandoned > 0,
  'a link was taken into the tree because it was faster': ({ optimizations }) => optimizations > 0,
  'a broadcast was kept for want of a neighbour': ({ unsent }) => unsent > 0,
  'a copy came from no neighbour': ({ strangers }) => strangers > 0
}

/** Every state that a swarm has to come to, or it does not test it. */
export const RARE_STATES: readonly string[] = [...Object.keys(STEPS), ...Object.keys(TREES)]

/** Notes which rare states a run came to. */
export class RareStates implements Observer {
  readonly #world: BroadcastWorld
  readonly #reached = new Set<string>()

  constructor(world: BroadcastWorld) {
    this.#world = world
  }

  /** In the order of {@link RARE_STATES}. */
  get reached(): readonly string[] {
    return RARE_STATES.filter(state => this.#reached.has(state))
  }

  step(_node: number, input: Input, outputs: readonly Output[]): void {
    for (const [state, holds] of Object.entries(STEPS)) {
      if (!this.#reached.has(state) && holds(input, outputs)) this.#reached.add(state)
    }
  }

  /** Looks at the trees: to be called now and then, for a process takes its counters with it. */
  sample(): void {
    for (const node of this.#world.overlay.alive()) {
      const stats = this.#world.tree(node).stats()
      for (const [state, holds] of Object.entries(TREES)) if (holds(stats)) this.#reached.add(state)
    }
  }
}
