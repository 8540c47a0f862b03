import type { Json } from './types.ts'

/** What a map's values are made of (the codec's profile). */
type MapValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly MapValue[]
  | { readonly [key: string]: MapValue }

/** Levels of arrays and objects that are read; the codec itself takes 16. */
const DEPTH_MAX = 64

/** The keys that stand for what JSON lacks, each the only key of its object. */
const TAGS: ReadonlySet<string> = new Set(['$bytes', '$bigint', '$number', '$object'])

/** What was sent as a value is none. */
export class JsonValueError extends Error {
  override readonly name = 'JsonValueError'
}

/**
 * A map's value as JSON. What JSON lacks becomes an object with one key: `{"$bytes": base64}`, `{"$bigint": digits}`,
 * `{"$number": "-0"}`; an object that looks like one of those is wrapped as `{"$object": …}`. `fromJson` is its inverse.
 */
export function toJson(value: unknown): Json {
  return encode(value as MapValue)
}

function encode(value: MapValue): Json {
  if (typeof value === 'bigint') return { $bigint: value.toString() }
  if (Object.is(value, -0)) return { $number: '-0' }
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (Array.isArray(value)) return value.map((item: MapValue) => encode(item))
  const object = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, encode(item)]))
  return tagOf(object) === undefined ? object : { $object: object }
}

/** @throws JsonValueError for a tagged form that says nothing, or more than 64 levels. */
export function fromJson(json: Json): unknown {
  return decode(json, 0)
}

function decode(json: Json, depth: number): MapValue {
  if (depth > DEPTH_MAX) throw new JsonValueError(`the value has more than ${DEPTH_MAX} levels`)
  if (json === null || typeof json !== 'object') return json
  if (Array.isArray(json)) return json.map((item: Json) => decode(item, depth + 1))
  const object = json as { readonly [key: string]: Json }
  const tag = tagOf(object)
  return tag === undefined ? decodeObject(object, depth) : untag(tag, object[tag] as Json, depth)
}

function untag(tag: string, content: Json, depth: number): MapValue {
  if (tag === '$object' && typeof content === 'object' && content !== null && !Array.isArray(content)) {
    return decodeObject(content as { readonly [key: string]: Json }, depth)
  }
  if (tag === '$bytes' && typeof content === 'string' && isBase64(content)) {
    return new Uint8Array(Buffer.from(content, 'base64'))
  }
  if (tag === '$bigint' && typeof content === 'string' && /^-?\d{1,20}$/u.test(content))
    return BigInt(content)
  if (tag === '$number' && content === '-0') return -0
  throw new JsonValueError(`{"${tag}": …} is none of the forms for what JSON lacks`)
}

function decodeObject(object: { readonly [key: string]: Json }, depth: number): MapValue {
  return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, decode(item, depth + 1)]))
}

function tagOf(object: Readonly<Record<string, unknown>>): string | undefined {
  const [key, ...others] = Object.keys(object)
  return key !== undefined && others.length === 0 && TAGS.has(key) ? key : undefined
}

function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text
}
