import type { JSX } from 'preact'
import { dismiss, notices } from '../data/notices.ts'

/** What came of the last actions. */
export function NoticeList(): JSX.Element {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ number, bad, text }) => (
        <div key={number} class={bad ? 'notice bad' : 'notice'}>
          <span>{text}</span>
          <button type="button" class="small" onClick={() => dismiss(number)}>
            Dismiss
          </button>
        </div>
      ))}
    </div>
  )
}
