import { DRAW_EVERY_MS } from '../config.ts'
import type { Dot, Traffic } from '../model/traffic.ts'
import type { Point } from './overlay-layout.ts'

interface DotLayerInit {
  readonly traffic: Traffic
  /** Which swarm's broadcasts to draw; undefined draws all. */
  readonly topic: string | undefined
  /** Draws a dot in the middle of its link instead of moving it. */
  readonly still: boolean
  readonly radius: number
  readonly at: (id: string) => Point
  /** Whether the picture has a link between two nodes: one that has gone carries no dot. */
  readonly linked: (a: string, b: string) => boolean
}

/**
 * Draws the dots by itself, frame by frame, past the components: nothing else changes sixty times a second. Between dots it only looks
 * whether there are new ones. Circles are reused, so there are never more than dots at once.
 */
export class DotLayer {
  readonly #group: SVGGElement
  readonly #init: DotLayerInit
  readonly #circles: SVGCircleElement[] = []
  readonly #looking: ReturnType<typeof setInterval>
  #frame: number | undefined

  constructor(group: SVGGElement, init: DotLayerInit) {
    this.#group = group
    this.#init = init
    this.#looking = setInterval(() => {
      if (this.#frame === undefined && init.traffic.dots(performance.now()).length > 0) this.#draw()
    }, DRAW_EVERY_MS)
  }

  close(): void {
    clearInterval(this.#looking)
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
    this.#group.replaceChildren()
  }

  readonly #draw = (): void => {
    const now = performance.now()
    const { traffic, topic, linked } = this.#init
    const all = traffic.dots(now)
    const moving = all.filter(
      dot =>
        dot.startMs <= now &&
        (topic === undefined || dot.topic === topic) &&
        (dot.from === dot.to || linked(dot.from, dot.to))
    )
    for (const [index, dot] of moving.entries()) this.#place(this.#circle(index), dot, now)
    for (const circle of this.#circles.slice(moving.length)) circle.setAttribute('visibility', 'hidden')
    this.#frame = all.length === 0 ? undefined : requestAnimationFrame(this.#draw)
  }

  #circle(index: number): SVGCircleElement {
    const existing = this.#circles[index]
    if (existing !== undefined) return existing
    const circle = document.createElementNS('http://www.w3.org/2000/svg', 'circle')
    this.#circles.push(circle)
    this.#group.append(circle)
    return circle
  }

  #place(circle: SVGCircleElement, { from, to, startMs, endMs }: Dot, now: number): void {
    const { at, still, radius } = this.#init
    const progress = (now - startMs) / (endMs - startMs)
    const ring = from === to
    const eased = still ? 0.5 : progress < 0.5 ? 2 * progress ** 2 : 1 - 2 * (1 - progress) ** 2
    const a = at(from)
    const b = at(to)
    circle.setAttribute('class', ring ? 'ring' : 'dot')
    circle.setAttribute('cx', (a.x + (b.x - a.x) * eased).toFixed(1))
    circle.setAttribute('cy', (a.y + (b.y - a.y) * eased).toFixed(1))
    circle.setAttribute('r', ring ? (radius + 2 + 14 * eased).toFixed(1) : '5')
    circle.setAttribute('opacity', ring && !still ? (1 - progress).toFixed(2) : '1')
    circle.setAttribute('visibility', 'visible')
  }
}
