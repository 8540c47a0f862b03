// The mutants: one JSON file per area in `mutants/`. Each replaces one piece of source text that occurs exactly once, so that
// a list that no longer fits its source is noticed and not run.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const folder = join(import.meta.dirname, 'mutants')
const root = join(import.meta.dirname, '..', '..')

/** All mutants, each with its area. */
export function loadMutants() {
  return readdirSync(folder)
    .filter(name => name.endsWith('.json'))
    .sort()
    .flatMap(name => {
      const area = basename(name, '.json')
      return JSON.parse(readFileSync(join(folder, name), 'utf8')).map(mutant => ({ ...mutant, area }))
    })
}

/** The source with the mutation, or a sentence that says why it does not fit. */
export function mutate(mutant, source = readFileSync(join(root, mutant.file), 'utf8')) {
  const parts = source.split(mutant.find)
  if (parts.length === 2) return { source: parts.join(mutant.replace) }
  return { problem: `${mutant.id}: its text occurs ${parts.length - 1} times in ${mutant.file}, not once` }
}
