import type { JSX } from 'preact'
import type { PageNews } from '../data/page-news.ts'
import { bytes } from '../model/wording.ts'
import { Plot } from './plot.tsx'

/** Message and byte rates: of this node, or of all running nodes together. */
export function RatesCard({
  news,
  role
}: {
  readonly news: PageNews
  readonly role: 'node' | 'cluster'
}): JSX.Element {
  const columns = news.columns.value
  return (
    <section class="card rates" aria-labelledby="rates-title">
      <div class="card-head">
        <h2 id="rates-title">{role === 'cluster' ? 'Traffic of all nodes' : 'Traffic'}</h2>
        <span class="note">the last ten minutes</span>
      </div>
      <Plot
        title="Messages per second"
        columns={columns}
        format={perSecond =>
          perSecond < 10 && perSecond > 0
            ? perSecond.toFixed(1)
            : Math.round(perSecond).toLocaleString('en-GB')
        }
        curves={[
          { name: 'messagesSent', label: 'sent', colour: 'curve-a' },
          { name: 'messagesReceived', label: 'received', colour: 'curve-b', dash: [5, 3] },
          { name: 'writes', label: 'writes', colour: 'curve-c', dash: [2, 2] }
        ]}
      />
      <Plot
        title="Bytes per second"
        columns={columns}
        format={bytes}
        curves={[
          { name: 'bytesSent', label: 'sent', colour: 'curve-a' },
          { name: 'bytesReceived', label: 'received', colour: 'curve-b', dash: [5, 3] }
        ]}
      />
    </section>
  )
}
