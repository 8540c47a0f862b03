import { deltas, type Delta, type DeltaCodec } from '../codecs/delta.ts'
import { createFloorCodec } from '../codecs/floor-codec.ts'
import {
  createCborgCodec,
  createCborXCodec,
  createJsonCodec,
  createMsgpackrCodec,
  sameDelta
} from '../codecs/peer-codecs.ts'
import { createStarlingCodec } from '../codecs/starling-codec.ts'
import { loadContenders, type Factory } from '../contenders.ts'
import { interleave, messageOf, timeBatches } from '../rounds.ts'
import {
  FLOOR,
  measurement,
  OURS,
  type Measurement,
  type Metric,
  type Suite,
  type SuiteContext
} from '../suite.ts'

const factories: Readonly<Record<string, Factory<DeltaCodec>>> = {
  [OURS]: createStarlingCodec,
  [FLOOR]: createFloorCodec,
  cborg: createCborgCodec,
  'cbor-x': createCborXCodec,
  msgpackr: createMsgpackrCodec,
  JSON: createJsonCodec
}

const encode: Metric = {
  case: 'encode',
  metric: 'us',
  unit: 'us',
  better: 'lower',
  about: 'one delta {key, value, replica id, wall time, counter} to bytes'
}
const decode: Metric = {
  case: 'decode',
  metric: 'us',
  unit: 'us',
  better: 'lower',
  about: 'the same delta back from bytes'
}
const bytes: Metric = {
  case: 'encode',
  metric: 'bytes',
  unit: 'bytes',
  better: 'lower',
  about: 'mean length of an encoded delta'
}

/** Different deltas in one batch; enough that nothing is predicted, few enough to stay in the cache. */
const BATCH = 1000

/** A round of a case that takes less than a microsecond is over long before the budget of the slow ones. */
const ROUND_MS_MAX = 200

export const codecSuite: Suite = {
  name: 'codec',
  about: 'encoding and decoding one delta',
  references: Object.keys(factories).filter(name => name !== OURS),
  metrics: [encode, decode, bytes],
  run
}

async function* run(context: SuiteContext): AsyncIterable<Measurement> {
  const batch = deltas(BATCH)
  const codecs = await loadContenders(factories, context)
  const encoded = new Map<string, Uint8Array[]>()
  for (const [name, codec] of codecs) {
    try {
      encoded.set(name, roundTrip(codec, batch))
    } catch (error) {
      if (name === OURS || name === FLOOR) throw error
      codecs.delete(name)
      context.missing(name, messageOf(error))
    }
  }
  const budgetMs = Math.min(context.effort.budgetMs, ROUND_MS_MAX)
  const time = (work: (name: string, codec: DeltaCodec) => number): Promise<Map<string, number>> =>
    interleave(
      [...codecs].map(([name, codec]) => ({
        name,
        run: () => timeBatches(forever(), budgetMs, () => work(name, codec))
      })),
      { ...context.effort, onFailure: context.missing }
    )
  context.progress('encode')
  yield measurement(encode, inMicroseconds(await time((_, codec) => codec.encodeAll(batch).length)))
  context.progress('decode')
  yield measurement(
    decode,
    inMicroseconds(await time((name, codec) => codec.decodeAll(encoded.get(name) ?? []).length))
  )
  yield measurement(bytes, new Map([...encoded].map(([name, all]) => [name, meanLength(all)])))
}

/** Encodes the batch, and makes sure that it decodes to what it was. */
function roundTrip(codec: DeltaCodec, batch: readonly Delta[]): Uint8Array[] {
  // A view on a buffer that the codec uses again would not last.
  const encoded = codec.encodeAll(batch).map(each => new Uint8Array(each))
  const back = codec.decodeAll(encoded)
  if (!batch.every((delta, i) => sameDelta(delta, back[i] as Delta))) {
    throw new Error('what it decodes is not what was encoded')
  }
  return encoded
}

function meanLength(encoded: readonly Uint8Array[]): number {
  return encoded.reduce((sum, each) => sum + each.length, 0) / encoded.length
}

function inMicroseconds(perOperationMs: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...perOperationMs].map(([name, ms]) => [name, ms * 1e3]))
}

function* forever(): Generator<undefined> {
  for (;;) yield undefined
}
