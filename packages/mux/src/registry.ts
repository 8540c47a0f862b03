import { checkWindow } from './config.ts'
import { TagTakenError } from './errors.ts'
import { encodeTag, tagKey } from './tag.ts'
import type {
  AcceptRule,
  ChannelHandler,
  HandleChannelOptions,
  HandleOptions,
  MuxRegistration,
  RawHandler
} from './types.ts'

interface RegistrationBase {
  readonly accept: AcceptRule | undefined
  /** Once disposed, a verdict that was being thought about comes too late. */
  disposed: boolean
  /** Ends one of the streams that were handed over and are not closed yet. */
  readonly live: Set<(reason: Error) => void>
}

/** What owns a tag. */
export type Registration =
  | (RegistrationBase & { readonly type: 'raw'; readonly handler: RawHandler })
  | (RegistrationBase & {
      readonly type: 'channel'
      readonly handler: ChannelHandler
      readonly windowBytes: number
    })

/** One tag as it was registered, and its owner. */
export interface TagEntry {
  readonly tag: string
  readonly registration: Registration
}

/** Which registration owns which tag: at most one per tag, any number of tags per registration. */
export class Registry {
  readonly #tags = new Map<string, TagEntry>()

  addRaw(
    tags: string | readonly string[],
    handler: RawHandler,
    options: HandleOptions = {}
  ): MuxRegistration {
    return this.#add(tags, options.internal, { type: 'raw', handler, ...fresh(options.accept) })
  }

  addChannel(
    tags: string | readonly string[],
    handler: ChannelHandler,
    options: HandleChannelOptions,
    windowBytes: number
  ): MuxRegistration {
    return this.#add(tags, options.internal, {
      type: 'channel',
      handler,
      ...fresh(options.accept),
      windowBytes: checkWindow(options.windowBytes ?? windowBytes)
    })
  }

  /** The owner of a tag as it came over the wire, compared byte by byte. */
  find(tag: Uint8Array): TagEntry | undefined {
    return this.#tags.get(tagKey(tag))
  }

  /** Takes all of the tags or, when one is bad or taken, none. */
  #add(
    tags: string | readonly string[],
    internal: boolean | undefined,
    registration: Registration
  ): MuxRegistration {
    if (typeof registration.handler !== 'function') throw new TypeError('a handler must be a function')
    const list = [...new Set(typeof tags === 'string' ? [tags] : tags)]
    if (list.length === 0) throw new TypeError('a registration needs at least one tag')
    const keys = list.map(tag => tagKey(encodeTag(tag, internal)))
    const taken = keys.findIndex(key => this.#tags.has(key))
    if (taken !== -1) throw new TagTakenError(list[taken] as string)
    keys.forEach((key, i) => this.#tags.set(key, { tag: list[i] as string, registration }))
    return {
      dispose: (options = {}) => {
        if (!registration.disposed) for (const key of keys) this.#tags.delete(key)
        registration.disposed = true
        if (options.abort !== undefined) for (const end of registration.live) end(options.abort)
      }
    }
  }
}

function fresh(accept: AcceptRule | undefined): RegistrationBase {
  return { accept, disposed: false, live: new Set() }
}
