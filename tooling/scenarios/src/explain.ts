import type { Input, Output } from '@starling/hyparview'
import type { Observer } from './observer.ts'
import type { Plan } from './plan.ts'
import { play } from './play.ts'

/** How a run is explained. */
export interface ExplainOptions {
  /** Nodes to tell about; without any, those that the first violation names. */
  readonly nodes: readonly number[]
  /** Events told of each. */
  readonly last: number
}

/** Nodes told about at most when nobody said which. */
const NODES_MAX = 5

/** Plays a plan and tells what happened last to the nodes in question before the first promise broke, one line for each event. */
export function explain(plan: Plan, { nodes, last }: ExplainOptions): string[] {
  const history = new History(last)
  const { violations } = play(plan, history)
  const [first] = violations
  if (first === undefined) return ['every promise holds: there is nothing to explain']
  const named = [...first.matchAll(/\bnodes? (\d+)/g)].map(([, node]) => Number(node))
  const chosen = nodes.length > 0 ? nodes : (named.length > 0 ? named : history.fewest()).slice(0, NODES_MAX)
  const lines = [first]
  for (const node of chosen) lines.push('', `node ${node}:`, ...history.of(node).map(line => `  ${line}`))
  return lines
}

/** The last events of each node, up to the first violation. */
class History implements Observer {
  readonly #last: number
  readonly #lines: string[][] = []
  readonly #links: Set<string>[] = []
  #closed = false

  /** @param last events kept of each node */
  constructor(last: number) {
    this.#last = last
  }

  /** Nothing after this is kept. */
  violated(): void {
    this.#closed = true
  }

  step(node: number, input: Input, outputs: readonly Output[], nowMs: number): void {
    if (this.#closed) return
    const lines = (this.#lines[node] ??= [])
    // A process that begins has no links, whatever the one before had.
    const links = (this.#links[node] = input.type === 'join' ? new Set() : (this.#links[node] ?? new Set()))
    for (const output of outputs) {
      if (output.type === 'neighborUp') links.add(output.peer)
      if (output.type === 'neighborDown') links.delete(output.peer)
    }
    const after = outputs.flatMap(outputText)
    if (input.type === 'timer' && after.length === 0) return
    lines.push(
      `${nowMs.toFixed(0)} ms: ${inputText(input)} → ${after.join('; ') || 'nothing'} [${[...links].join()}]`
    )
    if (lines.length > this.#last) lines.shift()
  }

  of(node: number): readonly string[] {
    return this.#lines[node] ?? ['nothing happened to it']
  }

  /** The nodes of the smallest island, as far as their own views tell. */
  fewest(): number[] {
    const islands: number[][] = []
    const seen = new Set<number>()
    this.#links.forEach((_, node) => {
      if (seen.has(node)) return
      const island = new Set([node])
      for (const one of island) {
        for (const peer of this.#links[one] ?? []) island.add(Number(peer.slice(1)))
      }
      for (const one of island) seen.add(one)
      islands.push([...island])
    })
    return islands.toSorted((a, b) => a.length - b.length)[0] ?? []
  }
}

function inputText(input: Input): string {
  if (input.type === 'message') return `${input.message.type} from ${input.from}`
  if (input.type === 'peerLost') return `lost ${input.peer}`
  return input.type === 'timer' ? `${input.timer.type} timer` : input.type
}

function outputText(output: Output): string[] {
  switch (output.type) {
    case 'send': {
      const { message, to } = output
      const verdict = message.type === 'neighborReply' ? (message.accepted ? ' (yes)' : ' (no)') : ''
      return [`${message.type}${verdict} to ${to}`]
    }
    case 'neighborUp':
      return [`up ${output.peer}`]
    case 'neighborDown':
      return [`down ${output.peer} (${output.reason})`]
    case 'reject':
      return [`refused: ${output.reason}`]
    case 'schedule':
      return []
  }
}
