import { finish, mix, mixText } from '../digest.ts'
import type { DataOperation } from './file-node.ts'
import type { FolderOperation, Names } from './folder-node.ts'

/** The number of the folder `/`. */
export const ROOT = 0

/** What lies on a disk that nobody uses: folders and files by number, the root being 0. Treat it as read-only. */
export interface DiskImage {
  readonly folders: ReadonlyMap<number, Names>
  readonly files: ReadonlyMap<number, Uint8Array>
}

/** A disk in use: what is durable and what is not, as {@link crashImages} needs it. Treat it as read-only. */
export interface DiskState {
  readonly folders: ReadonlyMap<
    number,
    { readonly durable: Names; readonly pending: readonly FolderOperation[] }
  >
  readonly files: ReadonlyMap<
    number,
    { readonly durable: Uint8Array; readonly pending: readonly DataOperation[] }
  >
}

const NO_NAMES: Names = new Map()

/** The folders and files that can be reached from the root, given the names of each folder. */
export function reachable(namesOf: (folder: number) => Names | undefined): {
  readonly folders: Map<number, Names>
  readonly files: Set<number>
} {
  const folders = new Map<number, Names>()
  const files = new Set<number>()
  const waiting = [ROOT]
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const names = namesOf(folder) ?? NO_NAMES
    folders.set(folder, names)
    for (const entry of names.values()) {
      if (entry.type === 'folder') waiting.push(entry.id)
      else files.add(entry.id)
    }
  }
  return { folders, files }
}

/** A text that tells images apart by their names and contents: 64 bits, not cryptographic. */
export function imageKey(image: DiskImage): string {
  const words = { low: 0x2545f491, high: 0x1b873593 }
  mixFolder(words, image, ROOT)
  return `${hex(words.high)}${hex(words.low)}`
}

function mixFolder(words: { low: number; high: number }, image: DiskImage, folder: number): void {
  const names = image.folders.get(folder) ?? NO_NAMES
  words.low = mix(words.low, names.size)
  for (const name of [...names.keys()].sort()) {
    words.low = mixText(words.low, name)
    words.high = mix(words.high, words.low)
    const entry = names.get(name)
    if (entry?.type === 'folder') mixFolder(words, image, entry.id)
    if (entry?.type !== 'file') continue
    const word = contentWords(image.files.get(entry.id) ?? new Uint8Array(0))
    words.low = mix(words.low, word[0])
    words.high = mix(words.high ^ words.low, word[1])
  }
}

const known = new WeakMap<Uint8Array, readonly [number, number]>()

/** 64 bits of a content, remembered: the same arrays recur in thousands of images. */
export function contentWords(bytes: Uint8Array): readonly [number, number] {
  const remembered = known.get(bytes)
  if (remembered !== undefined) return remembered
  let low = mix(0, bytes.length)
  let high = 0x165667b1
  for (let i = 0; i < bytes.length; i++) {
    low = mix(low, bytes[i] as number)
    high = (Math.imul(high, 31) + (bytes[i] as number)) | 0
  }
  const words = [finish(low), finish(high)] as const
  known.set(bytes, words)
  return words
}

function hex(word: number): string {
  return finish(word).toString(16).padStart(8, '0')
}
