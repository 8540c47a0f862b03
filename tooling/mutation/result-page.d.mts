import type { Mutant } from './load-mutants.mjs'
export interface MutantResult {
  readonly mutant: Pick<Mutant, 'id' | 'area' | 'what' | 'file' | 'control'>
  readonly verdict: string
  readonly killedBy?: string
}
export function resultPage(
  mutants: readonly MutantResult['mutant'][],
  results: readonly MutantResult[],
  before?: string
): string
export function isRight(result: MutantResult): boolean
