import { signal, type ReadonlySignal } from '@preact/signals'
import { NOTICES_MAX } from '../config.ts'
import { sentence } from './api-client.ts'

export interface Notice {
  readonly number: number
  readonly bad: boolean
  readonly text: string
}

/** What the page tells about what was just done; the newest few. */
const shown = signal<readonly Notice[]>([])
let made = 0

export const notices: ReadonlySignal<readonly Notice[]> = shown

export function tell(text: string, bad = false): void {
  const notice = { number: made++, bad, text }
  shown.value = [...shown.value, notice].slice(-NOTICES_MAX)
  // An error stays until it is dismissed: it may need to be read twice.
  if (!bad) setTimeout(() => dismiss(notice.number), 4_000)
}

export function dismiss(number: number): void {
  shown.value = shown.value.filter(notice => notice.number !== number)
}

/** Runs what a button asks for and says how it ended. */
export async function attempt(action: () => Promise<void>, done?: string): Promise<boolean> {
  try {
    await action()
    if (done !== undefined) tell(done)
    return true
  } catch (error) {
    tell(sentence(error), true)
    return false
  }
}
