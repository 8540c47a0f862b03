import { ByteWriter } from '@starling/codec'
import type { Hash, Hmac } from '@starling/ports'
import { CLUSTER_HASH_BYTES } from './config.ts'

export type Role = 'dialler' | 'acceptor'

/** Everything a proof speaks about. Both sides know all of it before the first proof is sent. */
export interface ProofSubject {
  readonly version: number
  readonly diallerNonce: Uint8Array
  readonly acceptorNonce: Uint8Array
  /** Peer ids in text form, as the transport authenticated them. */
  readonly dialler: string
  readonly acceptor: string
  readonly cluster: string
}

const PROOF_LABEL = 'starling session proof'
const RENEWAL_LABEL = 'starling session renewal'
const CLUSTER_LABEL = 'starling cluster'

/**
 * The proof of one side: HMAC-SHA-256 of the secret over a label, the role, the version, both nonces, both peer ids and the
 * cluster name, each of variable length with its length before it.
 *
 * The role keeps a proof from being sent back to its maker, the nonces from being used again, and the peer ids, which come
 * from the transport, from being passed on over a connection between two other nodes. A proof within a session has another
 * label, and the challenge it answers.
 */
export function proofOf(
  hmac: Hmac,
  secret: Uint8Array,
  role: Role,
  subject: ProofSubject,
  challenge?: Uint8Array
): Uint8Array {
  const bytes = new ByteWriter(256)
    .string(challenge === undefined ? PROOF_LABEL : RENEWAL_LABEL)
    .raw(challenge ?? new Uint8Array(0))
    .u8(role === 'dialler' ? 1 : 2)
    .u16(subject.version)
    .raw(subject.diallerNonce)
    .raw(subject.acceptorNonce)
    .string(subject.dialler)
    .string(subject.acceptor)
    .string(subject.cluster)
    .finish()
  return hmac(secret, bytes)
}

/** The secret that `proof` was made with, or undefined. Takes the same time for every proof of the right length. */
export function matchProof(
  hmac: Hmac,
  secrets: readonly Uint8Array[],
  role: Role,
  subject: ProofSubject,
  proof: Uint8Array,
  challenge?: Uint8Array
): Uint8Array | undefined {
  let match: Uint8Array | undefined
  for (const secret of secrets) {
    if (equalInConstantTime(proofOf(hmac, secret, role, subject, challenge), proof)) match ??= secret
  }
  return match
}

/** Compares without telling by its duration where two texts of one length differ. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number)
  return difference === 0
}

/** What stands for the cluster name in a hello: two clusters are told apart before anything is proven. */
export function clusterHash(hash: Hash, cluster: string): Uint8Array {
  return hash(new ByteWriter(128).string(CLUSTER_LABEL).string(cluster).finish()).slice(0, CLUSTER_HASH_BYTES)
}
