/** Calls a function that was given to us. What it throws, or what its promise rejects with, goes to `failed` and nowhere else. */
export function callUser(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = call()
    if (result instanceof Promise) result.catch(failed)
  } catch (error) {
    failed(error)
  }
}
