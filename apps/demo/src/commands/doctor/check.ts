/** What one check found. `advice` says what to do. */
export interface Finding {
  readonly check: string
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped'
  readonly found: string
  readonly advice?: string
}

export const ok = (check: string, found: string): Finding => ({ check, state: 'ok', found })
export const skipped = (check: string, found: string): Finding => ({ check, state: 'skipped', found })
export const warning = (check: string, found: string, advice: string): Finding => ({
  check,
  state: 'warning',
  found,
  advice
})
export const failed = (check: string, found: string, advice: string): Finding => ({
  check,
  state: 'failed',
  found,
  advice
})

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
