import type { ClusterNode } from './cluster-node.ts'
import type { Ledger } from './ledger.ts'
import { compareContents } from './workload.ts'

/** How long all nodes may take to hold the same once nobody writes, ms. */
const AGREE_TIMEOUT_MS = 30_000

/** What a check of everything acknowledged found; undefined while the nodes do not agree, or one does not answer. */
export interface CheckResult {
  readonly checked: number
  /** Acknowledged writes that the ledger had no room for, since the start: nobody can say what became of them. */
  readonly unchecked: number
  readonly lost: readonly string[]
  readonly invented: readonly string[]
}

/** What is checked: a local cluster is one. */
export interface Checked {
  readonly nodes: readonly Pick<ClusterNode, 'state' | 'content'>[]
  readonly ledger: Ledger
}

/** Reads all nodes until they hold the same, and compares that with what was acknowledged before. Nothing else should write meanwhile. */
export async function checkAcknowledged({ nodes, ledger }: Checked): Promise<CheckResult | undefined> {
  const startedMs = performance.now()
  while (performance.now() - startedMs < AGREE_TIMEOUT_MS) {
    if (nodes.some(({ state }) => state !== 'running')) return undefined
    const due = ledger.acknowledgedSoFar()
    const compared = await compareContents(nodes).catch(() => undefined)
    if (compared === undefined) return undefined
    if (compared.agreed) {
      const { lost, invented } = ledger.judge(compared.content, due)
      ledger.forget(compared.content, due)
      return {
        checked: due.size,
        unchecked: ledger.unchecked,
        lost: lost.map(({ write, key, node }) => `${write} of "${key}", acknowledged by node-${node + 1}`),
        invented
      }
    }
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  return undefined
}
