import { lookup, resolveTxt } from 'node:dns/promises'
import type { NameLookup } from './names.ts'

/**
 * Names as this host resolves them: addresses by the system's resolver, so that hosts files and search domains hold (a
 * Kubernetes headless service is found by its short name), TXT records by DNS. The system's resolver cannot be interrupted; an
 * answer that comes after the deadline is dropped.
 */
export const systemNames: NameLookup = {
  async addresses(name, family) {
    const found = await lookup(name, { all: true, family })
    // A zone index names an interface of this host and has no place in an address to dial.
    return found.map(({ address }) => address).filter(address => !address.includes('%'))
  },
  async texts(name) {
    const records = await resolveTxt(name)
    return records.map(parts => parts.join(''))
  }
}
