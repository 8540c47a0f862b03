import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type Simulation,
  type SimulationLinkDatum,
  type SimulationNodeDatum
} from 'd3-force'
import type { Overlay } from '../model/overlay.ts'

interface Place extends SimulationNodeDatum {
  readonly id: string
  part: number
}

/** What there is to lay out in. */
export interface Space {
  readonly width: number
  readonly height: number
  /** Of a node. */
  readonly radius: number
  /** The node that stays in the middle. */
  readonly centre: string | undefined
}

export interface Point {
  readonly x: number
  readonly y: number
}

/** Where the nodes are drawn. A node keeps its place as long as it is there, so that the picture stays recognisable. */
export class OverlayLayout {
  readonly #simulation: Simulation<Place, SimulationLinkDatum<Place>>
  readonly #links = forceLink<Place, SimulationLinkDatum<Place>>().id(({ id }) => id)
  #places = new Map<string, Place>()
  #shape = ''
  #width = 0
  #height = 0
  #margin = 0
  #parts: readonly number[] = []

  constructor(onMove: () => void) {
    this.#simulation = forceSimulation<Place>().alphaDecay(0.05).velocityDecay(0.5).stop()
    this.#simulation.on('tick', onMove)
  }

  /** Lays the overlay out in the given space. `still` settles at once instead of moving there. */
  arrange({ nodes, edges }: Overlay, space: Space, still: boolean): void {
    const parts = [...new Set(nodes.map(({ part }) => part))].sort((a, b) => a - b)
    const shape = JSON.stringify([
      nodes.map(({ id, part }) => [id, part]),
      edges.map(({ key }) => key).sort(),
      Math.round(space.width / 20),
      space.height
    ])
    if (shape === this.#shape) return
    const first = this.#shape === ''
    this.#shape = shape
    this.#width = space.width
    this.#height = space.height
    this.#margin = space.radius + 30
    this.#parts = parts
    const before = this.#places
    this.#places = new Map(
      nodes.map(({ id, part }, index) => {
        const angle = (index / Math.max(1, nodes.length)) * 2 * Math.PI - Math.PI / 2
        const place = before.get(id) ?? {
          id,
          part,
          x: space.width / 2 + (space.width / 3) * Math.cos(angle),
          y: space.height / 2 + (space.height / 3) * Math.sin(angle)
        }
        place.part = part
        place.fx = id === space.centre ? space.width / 2 : null
        place.fy = id === space.centre ? space.height / 2 - 8 : null
        return [id, place]
      })
    )
    // The side of the square that each node has for itself.
    const own = Math.sqrt((space.width * space.height) / Math.max(4, nodes.length))
    const sideX = ({ part }: Place): number =>
      parts.length < 2 ? space.width / 2 : space.width * ((parts.indexOf(part) + 0.5) / parts.length)
    const pull = parts.length < 2 ? 0.05 : 0.25
    this.#simulation
      .nodes([...this.#places.values()])
      .force(
        'links',
        this.#links
          .links(edges.map(({ a, b }) => ({ source: a, target: b })))
          .distance(own)
          .strength(0.1)
      )
      .force(
        'charge',
        forceManyBody<Place>()
          .strength(nodes.length <= 8 ? -own * 5 : -own * 2.2)
          .distanceMax(own * 4)
      )
      .force('room', forceCollide<Place>(space.radius * 2.1))
      .force('x', forceX<Place>(sideX).strength(pull))
      .force('y', forceY<Place>(space.height / 2 - 8).strength(nodes.length <= 8 ? 0.14 : 0.08))
      .alpha(1)
    if (first || still) {
      this.#simulation.stop().tick(200)
      this.#simulation.on('tick')?.call(this.#simulation)
    } else this.#simulation.restart()
  }

  at(id: string): Point {
    const place = this.#places.get(id)
    // A side of a split keeps to its own part of the picture.
    const side = Math.max(1, this.#parts.length)
    const from = (this.#width / side) * Math.max(0, this.#parts.indexOf(place?.part ?? 0))
    return {
      x: within(place?.x ?? this.#width / 2, from + this.#margin, from + this.#width / side - this.#margin),
      y: within(place?.y ?? this.#height / 2, this.#margin - 8, this.#height - this.#margin - 8)
    }
  }

  stop(): void {
    this.#simulation.stop()
  }
}

function within(n: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, n))
}
