import type { ComponentChildren, JSX } from 'preact'
import type { NodeLook } from '../model/overlay.ts'
import { NodeShape } from './node-shape.tsx'

const CLUSTER_LOOKS: readonly (readonly [NodeLook, string])[] = [
  ['running', 'node'],
  ['starting', 'joining'],
  ['paused', 'paused'],
  ['killed', 'killed'],
  ['stopped', 'stopped']
]
const NODE_LOOKS: readonly (readonly [NodeLook, string])[] = [
  ['running', 'this node'],
  ['peer', 'a neighbour']
]

/** What the signs in the picture mean. */
export function Legend({ role }: { readonly role: 'node' | 'cluster' }): JSX.Element {
  return (
    <div class="legend" role="group" aria-label="Legend">
      <ul>
        {(role === 'cluster' ? CLUSTER_LOOKS : NODE_LOOKS).map(([look, text]) => (
          <Sign key={look} text={text}>
            <g class={`node ${look}`} transform="translate(12 9)">
              <NodeShape look={look} radius={7} />
            </g>
          </Sign>
        ))}
        <Sign text="differs">
          <g class="node" transform="translate(12 9)">
            <circle class="halo" r={7} />
          </g>
        </Sign>
      </ul>
      <ul>
        <Sign text="eager link: carries writes">
          <line class="link eager" x1="1" y1="9" x2="23" y2="9" />
        </Sign>
        <Sign text="lazy link: announces them">
          <line class="link lazy" x1="1" y1="9" x2="23" y2="9" />
        </Sign>
        {role === 'cluster' && (
          <Sign text="broken link">
            <line class="link broken" x1="1" y1="9" x2="23" y2="9" />
          </Sign>
        )}
        <Sign text="new write">
          <g class="dots">
            <circle class="ring" cx="12" cy="9" r="6" />
          </g>
        </Sign>
        <Sign text="write on its way">
          <g class="dots">
            <circle class="dot" cx="12" cy="9" r="4" />
          </g>
        </Sign>
      </ul>
    </div>
  )
}

function Sign({
  text,
  children
}: {
  readonly text: string
  readonly children: ComponentChildren
}): JSX.Element {
  return (
    <li>
      <svg width="24" height="18" aria-hidden="true">
        {children}
      </svg>
      {text}
    </li>
  )
}
