import { messageOf } from './rounds.ts'
import { OURS, type SuiteContext } from './suite.ts'

/** Makes one contender: for a peer it loads the library first, and rejects where that is not installed. */
export type Factory<Contender> = () => Contender | Promise<Contender>

/** The contenders that were asked for and can be had, ours first; of each other one it is said why it cannot. */
export async function loadContenders<Contender>(
  factories: Readonly<Record<string, Factory<Contender>>>,
  context: SuiteContext
): Promise<Map<string, Contender>> {
  const loaded = new Map<string, Contender>()
  for (const [name, factory] of Object.entries(factories)) {
    if (name !== OURS && !context.wants(name)) continue
    try {
      loaded.set(name, await factory())
    } catch (error) {
      if (name === OURS) throw error
      context.missing(name, messageOf(error))
    }
  }
  return loaded
}
