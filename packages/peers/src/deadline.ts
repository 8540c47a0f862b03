import type { Timers } from '@starling/ports'

/** Settles with `promise`, or rejects as soon as `signal` aborts, whether or not the work behind it heeds the signal. */
export function raced<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => {})
    return Promise.reject(reasonOf(signal))
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(reasonOf(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** The signal's reason as an error. */
export function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted')
}

/** A signal that aborts with its parent or after `timeoutMs`. Must be disposed of. */
export function limited(
  timers: Timers,
  timeoutMs: number,
  parent?: AbortSignal
): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController()
  const onParent = (): void => controller.abort(parent?.reason)
  if (parent?.aborted === true) onParent()
  parent?.addEventListener('abort', onParent, { once: true })
  const timer = timers.schedule(timeoutMs, () =>
    controller.abort(new Error(`no answer within ${timeoutMs} ms`))
  )
  return {
    signal: controller.signal,
    dispose() {
      timer.cancel()
      parent?.removeEventListener('abort', onParent)
    }
  }
}
