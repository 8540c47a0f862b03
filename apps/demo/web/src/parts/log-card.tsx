import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { LOG_LINES_MAX } from '../config.ts'
import type { PageNews } from '../data/page-news.ts'
import type { NumberedLine } from '../model/log-lines.ts'
import { eventText, timeOfDay } from '../model/wording.ts'

interface LogCardProps {
  readonly news: PageNews
  /** Peer id → name, where lines have ids. */
  readonly names?: ReadonlyMap<string, string>
}

const NO_NAMES: ReadonlyMap<string, string> = new Map()

/** What has happened, newest first. */
export function LogCard({ news, names = NO_NAMES }: LogCardProps): JSX.Element {
  const [held, setHeld] = useState<readonly NumberedLine[]>()
  const lines = held ?? news.log.value
  return (
    <section class="card log" aria-labelledby="log-title">
      <div class="card-head">
        <h2 id="log-title">Events</h2>
        <button
          type="button"
          class="small"
          aria-pressed={held !== undefined}
          onClick={() => setHeld(held === undefined ? news.log.value : undefined)}
        >
          {held === undefined ? 'Hold still' : 'Go on'}
        </button>
      </div>
      {lines.length === 0 ? (
        <p class="empty">Nothing has happened yet.</p>
      ) : (
        <ol tabIndex={0} aria-label={`Events, newest first, at most ${LOG_LINES_MAX}`}>
          {lines.map(({ number, atMs, node, type, text }) => (
            <li key={number} data-type={type}>
              <time>{timeOfDay(atMs)}</time>
              <b>{node}</b>
              <span>{eventText(type, text, names)}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}
