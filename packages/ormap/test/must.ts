/** The value, which the test knows to be there. */
export function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('The test expected a value')
  return value
}
