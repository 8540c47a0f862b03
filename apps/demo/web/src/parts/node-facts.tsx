import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { NodeInfo, Pulse } from '../../../src/api/types.ts'
import { INSPECTION_CHARS_MAX } from '../config.ts'
import { NodeClient } from '../data/api-client.ts'
import { attempt } from '../data/notices.ts'
import { shortId } from '../model/overlay.ts'
import { count, duration } from '../model/wording.ts'

interface NodeFactsProps {
  readonly info: NodeInfo | undefined
  readonly pulse: Pulse
}

/** What this node is and how it is doing, as text. */
export function NodeFacts({ info, pulse }: NodeFactsProps): JSX.Element {
  const links = new Set(pulse.swarms.flatMap(({ links }) => links.map(({ peer }) => peer))).size
  const passive = Math.max(0, ...pulse.swarms.map(swarm => swarm.passive))
  return (
    <section class="card facts" aria-labelledby="facts-title">
      <div class="card-head">
        <h2 id="facts-title">Node</h2>
      </div>
      <dl>
        <dt>Peer id</dt>
        <dd class="mono">{pulse.id}</dd>
        {info !== undefined && (
          <>
            <dt>Addresses</dt>
            <dd class="mono">
              {info.addresses.length === 0 ? 'none: it only dials' : info.addresses.join(' ')}
            </dd>
            <dt>Started</dt>
            <dd>{duration(pulse.atMs - info.startedAtMs)} ago</dd>
            <dt>Version</dt>
            <dd>{info.version}</dd>
          </>
        )}
        <dt>Links</dt>
        <dd>
          {count(links, 'neighbour')}, {passive.toLocaleString('en-GB')} more known
        </dd>
        <dt>Broadcasts</dt>
        <dd>
          {pulse.counters.delivered.toLocaleString('en-GB')} delivered,{' '}
          {pulse.counters.redundant.toLocaleString('en-GB')} received twice
        </dd>
      </dl>
      <table class="lag">
        <thead>
          <tr>
            <th scope="col">Map</th>
            <th scope="col">Entries</th>
            <th scope="col">Fingerprint</th>
            <th scope="col">Neighbours that differ</th>
          </tr>
        </thead>
        <tbody>
          {pulse.maps.map(({ name, size, fingerprint, lagging }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{size.toLocaleString('en-GB')}</td>
              <td class="mono" title={fingerprint}>
                {fingerprint.slice(0, 8)}
              </td>
              <td>
                {lagging.length === 0
                  ? 'none known'
                  : lagging
                      .map(({ peer, sinceMs }) => `${shortId(peer)} for ${duration(pulse.atMs - sinceMs)}`)
                      .join(', ')}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Inspection />
    </section>
  )
}

function Inspection(): JSX.Element {
  const [text, setText] = useState('')
  const read = async (): Promise<void> => {
    const all = JSON.stringify(await new NodeClient().inspect(), undefined, 2)
    setText(all.length <= INSPECTION_CHARS_MAX ? all : `${all.slice(0, INSPECTION_CHARS_MAX)}\n…`)
  }
  return (
    <details
      onToggle={({ currentTarget }) => {
        if (currentTarget.open) void attempt(read)
      }}
    >
      <summary>Everything this node tells about itself</summary>
      <pre tabIndex={0}>{text}</pre>
    </details>
  )
}
