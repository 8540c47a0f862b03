import type { JSX } from 'preact'
import type { NodeLook } from '../model/overlay.ts'

/** A node's outline and sign. Each state has a shape of its own, so that colour is never needed to tell them apart. */
export function NodeShape({
  look,
  radius
}: {
  readonly look: NodeLook
  readonly radius: number
}): JSX.Element {
  const r = radius
  switch (look) {
    case 'running':
      return <circle class="shape" r={r} />
    case 'peer':
      return <circle class="shape" r={r * 0.8} />
    case 'starting':
      return (
        <>
          <circle class="shape" r={r} />
          {[-1, 0, 1].map(i => (
            <circle key={i} class="sign-fill" cx={i * r * 0.4} r={r * 0.12} />
          ))}
        </>
      )
    case 'paused':
      return (
        <>
          <rect class="shape" x={-r * 0.9} y={-r * 0.9} width={r * 1.8} height={r * 1.8} rx={r * 0.35} />
          <path class="sign" d={`M${-r * 0.28} ${-r * 0.4}V${r * 0.4}M${r * 0.28} ${-r * 0.4}V${r * 0.4}`} />
        </>
      )
    case 'killed':
      return (
        <>
          <path class="shape" d={octagon(r)} />
          <path
            class="sign"
            d={`M${-r * 0.38} ${-r * 0.38}L${r * 0.38} ${r * 0.38}M${r * 0.38} ${-r * 0.38}L${-r * 0.38} ${r * 0.38}`}
          />
        </>
      )
    case 'stopped':
      return (
        <>
          <rect class="shape" x={-r * 0.85} y={-r * 0.85} width={r * 1.7} height={r * 1.7} />
          <path class="sign" d={`M${-r * 0.4} 0H${r * 0.4}`} />
        </>
      )
  }
}

function octagon(r: number): string {
  const corners = Array.from({ length: 8 }, (_, i) => {
    const angle = ((i + 0.5) / 8) * 2 * Math.PI
    return `${(r * Math.cos(angle)).toFixed(1)} ${(r * Math.sin(angle)).toFixed(1)}`
  })
  return `M${corners.join('L')}Z`
}
