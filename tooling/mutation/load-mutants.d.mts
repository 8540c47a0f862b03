export interface Mutant {
  readonly id: string
  readonly area: string
  readonly what: string
  /** Changes nothing, and so must survive. */
  readonly control?: true
  readonly file: string
  readonly find: string
  readonly replace: string
  readonly tests: readonly string[]
}
export function loadMutants(): readonly Mutant[]
export function mutate(
  mutant: Pick<Mutant, 'id' | 'file' | 'find' | 'replace'>,
  source?: string
): { readonly source: string } | { readonly problem: string }
