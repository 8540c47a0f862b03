// Gives the tests a mutated source instead of the one on disk. Nothing is written, so nothing can be left behind.
import { join } from 'node:path'
import { loadMutants, mutate } from './load-mutants.mjs'

const root = join(import.meta.dirname, '..', '..')

/** A Vite plugin that applies the mutant with this id. */
export function mutantPlugin(id) {
  const mutant = loadMutants().find(one => one.id === id)
  if (mutant === undefined) throw new Error(`There is no mutant "${id}"`)
  const path = join(root, mutant.file)
  return {
    name: 'starling-mutant',
    enforce: 'pre',
    transform(source, file) {
      if (file.split('?')[0] !== path) return undefined
      const mutated = mutate(mutant, source)
      if (mutated.problem !== undefined) throw new Error(mutated.problem)
      return { code: mutated.source, map: null }
    }
  }
}
