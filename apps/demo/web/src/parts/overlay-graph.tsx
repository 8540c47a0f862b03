import type { JSX } from 'preact'
import { useEffect, useMemo, useReducer, useRef } from 'preact/hooks'
import { edgeKey, type Overlay, type OverlayNode } from '../model/overlay.ts'
import type { Traffic } from '../model/traffic.ts'
import { DotLayer } from './dot-layer.ts'
import { useMedia, useWidth } from './media.ts'
import { NodeShape } from './node-shape.tsx'
import { OverlayLayout } from './overlay-layout.ts'

/** With more nodes than this the picture takes the whole width of the page. */
export const CROWD_FROM = 16

interface OverlayGraphProps {
  readonly overlay: Overlay
  readonly traffic: Traffic
  readonly topic: string | undefined
  /** What the picture shows, for those who do not see it. */
  readonly summary: string
  /** The node that stays in the middle. */
  readonly centre?: string | undefined
}

/** The overlay as a picture: nodes, links, and broadcasts on their way. */
export function OverlayGraph({ overlay, traffic, topic, summary, centre }: OverlayGraphProps): JSX.Element {
  const frame = useRef<HTMLDivElement>(null)
  const dots = useRef<SVGGElement>(null)
  const width = useWidth(frame)
  const crowd = overlay.nodes.length > CROWD_FROM
  const height = Math.round(Math.max(300, Math.min(crowd ? 620 : 460, width * 0.62)))
  const still = useMedia('(prefers-reduced-motion: reduce)')
  const [, redraw] = useReducer((n: number) => n + 1, 0)
  const layout = useMemo(() => new OverlayLayout(() => redraw(undefined)), [])
  const prefix = commonPrefix(overlay.nodes)
  const links = useRef<ReadonlySet<string>>(new Set())
  links.current = new Set(overlay.edges.map(({ key }) => key))
  const radius = radiusFor(overlay.nodes.length, width)
  const parts = [...new Set(overlay.nodes.map(({ part }) => part))].sort((a, b) => a - b)

  useEffect(() => {
    if (width > 0) layout.arrange(overlay, { width, height, radius, centre }, still)
  }, [overlay, width, height, radius, centre, still])
  useEffect(() => () => layout.stop(), [])
  useEffect(() => {
    if (dots.current === null) return
    const layer = new DotLayer(dots.current, {
      traffic,
      topic,
      still,
      radius,
      at: id => layout.at(id),
      linked: (a, b) => links.current.has(edgeKey(a, b))
    })
    return () => layer.close()
  }, [traffic, topic, still, radius])

  return (
    <div class={crowd ? 'graph crowd' : 'graph'} ref={frame}>
      <svg role="img" aria-label={summary} width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
        {parts.length > 1 && width > 0 && (
          <g class="divide">
            <path d={`M${width / 2} 30V${height - 8}`} />
            <text x={width / 2} y={20}>
              split: nothing crosses
            </text>
          </g>
        )}
        <g>
          {overlay.edges.map(({ key, a, b, eager, broken }) => {
            const from = layout.at(a)
            const to = layout.at(b)
            return (
              <line
                key={key}
                class={broken ? 'link broken' : eager ? 'link eager' : 'link lazy'}
                x1={from.x}
                y1={from.y}
                x2={to.x}
                y2={to.y}
              />
            )
          })}
        </g>
        <g ref={dots} class="dots" />
        <g>
          {overlay.nodes.map(node => {
            const { x, y } = layout.at(node.id)
            return (
              <g key={node.id} class={`node ${node.look}`} transform={`translate(${x} ${y})`}>
                {node.differs && <circle class="halo" r={radius + 6} />}
                <NodeShape look={node.look} radius={radius} />
                <text class="name" y={radius + 17}>
                  {crowd ? node.name.slice(prefix.length) : node.name}
                </text>
                {(radius >= 14 || node.look !== 'running') && (
                  <text class="note" y={radius + 31}>
                    {noteOf(node, parts)}
                  </text>
                )}
              </g>
            )
          })}
        </g>
      </svg>
    </div>
  )
}

function noteOf({ look, differs, part }: OverlayNode, parts: readonly number[]): string {
  const notes = look === 'running' || look === 'peer' ? [] : [look === 'starting' ? 'joining' : look]
  if (parts.length > 1) notes.push(`side ${sideName(parts.indexOf(part))}`)
  if (differs) notes.push('differs')
  return notes.join(', ')
}

/** What all names begin with, up to a dash: in a crowd it only takes room. */
function commonPrefix(nodes: readonly OverlayNode[]): string {
  const first = nodes[0]?.name ?? ''
  const prefix = first.slice(0, first.lastIndexOf('-') + 1)
  return nodes.every(({ name }) => name.startsWith(prefix)) ? prefix : ''
}

/** A, B, C… */
export function sideName(index: number): string {
  return String.fromCharCode(65 + index)
}

function radiusFor(nodes: number, width: number): number {
  const roomy = nodes <= 8 ? 22 : nodes <= 16 ? 18 : nodes <= 40 ? 12 : 8
  return width < 480 ? Math.max(8, roomy - 5) : roomy
}
