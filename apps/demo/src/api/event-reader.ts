/** One server-sent event as it was read; `data` is what its JSON says. */
export interface ReadEvent {
  readonly name: string
  readonly data: unknown
  readonly id: string | undefined
}

/** Characters of one event: far above the longest value as JSON, and a page of pulses. */
const EVENT_CHARACTERS_MAX = 8 * 1024 * 1024

/** A stream of events that is none: too long, or not JSON. */
export class EventStreamError extends Error {
  override readonly name = 'EventStreamError'
}

/**
 * Reads server-sent events whose data is JSON, until the stream ends.
 *
 * @throws EventStreamError, and what reading the stream throws
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ReadEvent, undefined> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = eventOf(text.slice(0, end))
      text = text.slice(end + 2)
      if (event !== undefined) yield event
    }
    if (text.length > EVENT_CHARACTERS_MAX) {
      throw new EventStreamError(`an event is longer than ${EVENT_CHARACTERS_MAX} characters`)
    }
  }
  return undefined
}

/** `undefined` for what is only a comment or says when to come again. */
function eventOf(block: string): ReadEvent | undefined {
  let name = 'message'
  let id: string | undefined
  const data: string[] = []
  for (const line of block.split('\n')) {
    const [, field, value = ''] = /^([a-z]+):? ?(.*)$/u.exec(line) ?? []
    if (field === 'event') name = value
    else if (field === 'id') id = value
    else if (field === 'data') data.push(value)
  }
  if (data.length === 0) return undefined
  try {
    return { name, id, data: JSON.parse(data.join('\n')) as unknown }
  } catch (error) {
    throw new EventStreamError(`the data of an event is not JSON`, { cause: error })
  }
}
