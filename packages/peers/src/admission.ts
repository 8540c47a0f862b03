import { encodeUtf8 } from '@starling/codec'
import type { Hash } from '@starling/ports'
import { CLUSTER_NAME_BYTES_MAX, SECRET_BYTES_MIN, SECRETS_MAX } from './config.ts'
import type { AdmissionReason } from './errors.ts'
import { clusterHash } from './proof.ts'
import type { ClusterInit } from './types.ts'

/** The cluster's rules, checked once. */
export interface Admission {
  readonly name: string
  readonly hash: Uint8Array
  readonly secrets: readonly Uint8Array[]
  /** Asks the allow-list and the callback. Never rejects. */
  admit(peer: string): Promise<AdmissionReason | undefined>
}

/**
 * Checks the cluster's rules.
 *
 * @throws TypeError for a missing name, or when there is no rule and `open` is not true
 * @throws RangeError for a name of more than 255 bytes, a secret under 16 bytes, or more than 8 secrets
 */
export function createAdmission(init: ClusterInit, hash: Hash): Admission {
  if (typeof init?.name !== 'string' || init.name === '') {
    throw new TypeError('cluster.name must be a non-empty text; all nodes of a cluster use the same one')
  }
  if (encodeUtf8(init.name).length > CLUSTER_NAME_BYTES_MAX) {
    throw new RangeError(`cluster.name has more than ${CLUSTER_NAME_BYTES_MAX} bytes; shorten it`)
  }
  const secrets = readSecrets(init.secrets ?? [])
  const allow = init.allow === undefined ? undefined : new Set(init.allow)
  if (secrets.length === 0 && allow === undefined && init.admit === undefined && init.open !== true) {
    throw new TypeError(
      'cluster has no admission rule: give it secrets, an allow-list or an admit callback, or set open: true to let everybody in'
    )
  }
  return {
    name: init.name,
    hash: clusterHash(hash, init.name),
    secrets,
    async admit(peer) {
      if (allow !== undefined && !allow.has(peer)) return 'notAllowed'
      if (init.admit === undefined) return undefined
      try {
        return (await init.admit(peer)) ? undefined : 'callback'
      } catch {
        return 'callback'
      }
    }
  }
}

function readSecrets(list: readonly (string | Uint8Array)[]): readonly Uint8Array[] {
  if (list.length > SECRETS_MAX) {
    throw new RangeError(`cluster.secrets holds more than ${SECRETS_MAX} secrets; drop the oldest`)
  }
  return list.map(secret => {
    const bytes = typeof secret === 'string' ? encodeUtf8(secret) : Uint8Array.from(secret)
    if (bytes.length < SECRET_BYTES_MIN) {
      throw new RangeError(
        `a cluster secret has ${bytes.length} bytes; use at least ${SECRET_BYTES_MIN}, for example 32 random ones`
      )
    }
    return bytes
  })
}
