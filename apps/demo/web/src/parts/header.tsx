import type { JSX } from 'preact'
import type { PageNews } from '../data/page-news.ts'
import { useNow } from './media.ts'

interface HeaderProps {
  readonly news: PageNews
  readonly title: string
  readonly subtitle: string
}

/** Whose page this is, and whether it is live. */
export function Header({ news, title, subtitle }: HeaderProps): JSX.Element {
  return (
    <header class="page-head">
      <svg class="mark" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
        <path d="M8 22 16 8l9 12M8 22l17-2" />
        <circle cx="16" cy="8" r="4" />
        <circle cx="8" cy="22" r="4" />
        <circle cx="25" cy="20" r="4" />
      </svg>
      <div>
        <h1>{title}</h1>
        <p>{subtitle}</p>
      </div>
      <ConnectionChip news={news} />
    </header>
  )
}

function ConnectionChip({ news }: { readonly news: PageNews }): JSX.Element {
  const connection = news.connection.value
  const now = useNow(1_000)
  if (connection.type === 'lost') {
    const seconds = Math.max(0, Math.ceil((connection.retryAtMs - now) / 1_000))
    return (
      <div class="connection lost">
        <span role="status">Connection lost. What you see is old.</span>
        <span aria-hidden="true"> Trying again{seconds > 0 ? ` in ${seconds} s` : ''}. </span>
        <button type="button" onClick={() => news.retry()}>
          Try now
        </button>
      </div>
    )
  }
  return (
    <div class={`connection ${connection.type}`}>
      <span role="status">{connection.type === 'live' ? 'Live' : 'Connecting…'}</span>
    </div>
  )
}
