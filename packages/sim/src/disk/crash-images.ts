import type { Random } from '@starling/ports'
import { CRASH_CONTENTS_MAX, CRASH_IMAGES_MAX } from '../config.ts'
import { drawRemainder, keep, remainders } from './file-node.ts'
import { kept, type Names } from './folder-node.ts'
import { contentWords, imageKey, reachable, type DiskImage, type DiskState } from './image.ts'

/** The images that one power cut can leave. */
export interface CrashImages {
  readonly images: readonly DiskImage[]
  /** Ways to choose among the unsynced operations; at least that many when `sampled`. Different ways can leave one image. */
  readonly choices: number
  /** Whether `images` is a sample: there were more than the bounds allow. The emptiest and the fullest are always in it. */
  readonly sampled: boolean
}

/**
 * Every image that a power cut can leave of a disk in this state: for each folder a first part of its unsynced operations,
 * for each file any subset of them, each whole or torn. Beyond `imagesMax` (default {@link CRASH_IMAGES_MAX}) a sample.
 */
export function crashImages(
  state: DiskState,
  random: Random,
  imagesMax: number = CRASH_IMAGES_MAX
): CrashImages {
  const contents = new Contents(state, random)
  const layouts = folderLayouts(state, random, imagesMax)
  const images = new Map<string, DiskImage>()
  let choices = 0
  let { sampled } = layouts
  for (const folders of layouts.found) {
    const { folders: names, files } = reachable(id => folders.get(id) ?? state.folders.get(id)?.durable)
    const ids = [...files]
    const options = ids.map(id => contents.of(id))
    const count = options.reduce((product, one) => product * one.length, 1)
    choices += count
    const share = Math.max(2, Math.ceil(imagesMax / layouts.found.length))
    if (count > share) sampled = true
    for (const digits of combinations(
      options.map(one => one.length),
      share,
      random
    )) {
      const image: DiskImage = {
        folders: names,
        files: new Map(
          ids.map((id, i) => [id, options[i]?.[digits[i] as number] ?? new Uint8Array(0)] as const)
        )
      }
      images.set(imageKey(image), image)
    }
  }
  return { images: [...images.values()], choices, sampled: sampled || contents.sampled }
}

/** One image at random. */
export function drawCrashImage(state: DiskState, random: Random): DiskImage {
  const folders = new Map(
    [...state.folders].map(([id, { durable, pending }]) => [
      id,
      kept(durable, pending, random.below(pending.length + 1))
    ])
  )
  const { folders: names, files } = reachable(id => folders.get(id))
  const contents = new Map<number, Uint8Array>()
  for (const id of files) {
    const file = state.files.get(id)
    let content = file?.durable ?? new Uint8Array(0)
    for (const operation of file?.pending ?? []) {
      content = keep(content, operation, drawRemainder(content.length, operation, random))
    }
    contents.set(id, content)
  }
  return { folders: names, files: contents }
}

/** The different contents each file can be left with, worked out once. */
class Contents {
  readonly #state: DiskState
  readonly #random: Random
  readonly #known = new Map<number, readonly Uint8Array[]>()
  sampled = false

  constructor(state: DiskState, random: Random) {
    this.#state = state
    this.#random = random
  }

  of(id: number): readonly Uint8Array[] {
    let found = this.#known.get(id)
    if (found === undefined) {
      found = this.#enumerate(id)
      this.#known.set(id, found)
    }
    return found
  }

  /** First the content without any unsynced operation, last the one with all of them. */
  #enumerate(id: number): readonly Uint8Array[] {
    const file = this.#state.files.get(id)
    if (file === undefined) return [new Uint8Array(0)]
    let contents: Uint8Array[] = [file.durable]
    let all = file.durable
    for (const operation of file.pending) {
      const next = new Map<string, Uint8Array>()
      for (const content of contents) {
        for (const remainder of remainders(content.length, operation)) {
          const left = keep(content, operation, remainder)
          next.set(contentWords(left).join(), left)
        }
      }
      all = keep(all, operation, { type: 'whole' })
      contents = [...next.values()]
      if (contents.length > CRASH_CONTENTS_MAX) {
        this.sampled = true
        contents = thin(contents, CRASH_CONTENTS_MAX, this.#random)
      }
    }
    const rest = contents.filter(content => !same(content, file.durable) && !same(content, all))
    return same(all, file.durable) ? [file.durable, ...rest] : [file.durable, ...rest, all]
  }
}

/** Every choice of how many operations each folder keeps. */
function folderLayouts(
  state: DiskState,
  random: Random,
  max: number
): { readonly found: ReadonlyMap<number, Names>[]; readonly sampled: boolean } {
  const changed = [...state.folders].filter(([, folder]) => folder.pending.length > 0)
  const sizes = changed.map(([, folder]) => folder.pending.length + 1)
  const count = sizes.reduce((product, one) => product * one, 1)
  const found = combinations(sizes, max, random).map(
    digits =>
      new Map(
        changed.map(([id, folder], i) => [id, kept(folder.durable, folder.pending, digits[i] as number)])
      )
  )
  return { found, sampled: count > max }
}

/** All numbers of a mixed radix, or `max` of them: the first and the last among them. */
function combinations(sizes: readonly number[], max: number, random: Random): (readonly number[])[] {
  const count = sizes.reduce((product, one) => product * one, 1)
  if (count > max) {
    const drawn: (readonly number[])[] = [sizes.map(() => 0), sizes.map(size => size - 1)]
    while (drawn.length < max) drawn.push(sizes.map(size => random.below(size)))
    return drawn
  }
  const all: number[][] = []
  for (let number = 0; number < count; number++) {
    let rest = number
    all.push(
      sizes.map(size => {
        const digit = rest % size
        rest = Math.floor(rest / size)
        return digit
      })
    )
  }
  return all
}

function thin(contents: readonly Uint8Array[], max: number, random: Random): Uint8Array[] {
  const last = contents.at(-1)
  const chosen = new Set<Uint8Array>()
  if (contents[0] !== undefined) chosen.add(contents[0])
  if (last !== undefined) chosen.add(last)
  while (chosen.size < max) {
    const one = contents[random.below(contents.length)]
    if (one !== undefined) chosen.add(one)
  }
  return [...chosen]
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  const [x, y] = [contentWords(a), contentWords(b)]
  return a.length === b.length && x[0] === y[0] && x[1] === y[1]
}
