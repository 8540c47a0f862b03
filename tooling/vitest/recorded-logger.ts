interface RecordedLog {
  (format: string, ...values: unknown[]): void
  error(format: string, ...values: unknown[]): void
  trace(format: string, ...values: unknown[]): void
}

/** A logger that keeps its lines: the component, `error` or `trace` for those, and the text. */
export class RecordedLogger {
  readonly lines: string[] = []

  forComponent(name: string): RecordedLog {
    const at =
      (prefix: string) =>
      (format: string, ...values: unknown[]): void => {
        this.lines.push(`${prefix}: ${filled(format, values)}`)
      }
    return Object.assign(at(name), { error: at(`${name} error`), trace: at(`${name} trace`) })
  }
}

function filled(format: string, values: unknown[]): string {
  const left = [...values]
  const text = format.replaceAll(/%[sde]/gu, kind => {
    if (left.length === 0) throw new Error(`${JSON.stringify(format)} has no value for ${kind}`)
    const value = left.shift()
    return value instanceof Error ? value.name : String(value)
  })
  if (left.length > 0) throw new Error(`${JSON.stringify(format)} leaves ${left.length} values out`)
  return text
}
