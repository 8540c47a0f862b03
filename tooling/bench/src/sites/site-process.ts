/** The process of one site: it opens what it is told, and measures on its own clock. */
import process from 'node:process'
import { bytesInUse } from '../memory.ts'
import { messageOf } from '../rounds.ts'
import { keyOf, valueOf } from '../workload.ts'
import type { Filled, Heard, Site, SiteAnswer, SiteInit, SiteModule, SiteRequest } from './site.ts'

const [name = ''] = process.argv.slice(2)
// Everything is loaded before anything is timed.
const contender = (await import(`./${name}-site.js`)) as SiteModule
let site: Site | undefined
let heard = { count: 0, lastNs: 0, delaysUs: [] as number[] }

const nowNs = (): number => Number(process.hrtime.bigint())

async function answer(request: SiteRequest): Promise<unknown> {
  switch (request.type) {
    case 'open':
      return (await open(request.init)).address
    case 'join':
      return await join(request.init, request.count)
    case 'fill':
      return await fill(theSite(), request)
    case 'pace':
      return await pace(theSite(), request.perSecond, request.count)
    case 'listen':
      heard = { count: 0, lastNs: 0, delaysUs: [] }
      return undefined
    case 'heard':
      return heard satisfies Heard
    case 'size':
      return theSite().size
    case 'cost':
      return theSite().cost?.()
    case 'memory':
      return bytesInUse()
    case 'close':
      await site?.close()
      site = undefined
      return undefined
  }
}

function theSite(): Site {
  if (site === undefined) throw new Error('the site is not open')
  return site
}

async function open(init: SiteInit): Promise<Site> {
  site = await contender.openSite(init)
  site.onEntry(value => {
    heard.count++
    heard.lastNs = nowNs()
    const { sentNs } = value as { sentNs?: number }
    if (sentNs !== undefined) heard.delaysUs.push((heard.lastNs - sentNs) / 1000)
  })
  return site
}

async function join(init: SiteInit, count: number): Promise<number> {
  const startMs = performance.now()
  const joined = await open(init)
  while (joined.size < count) await new Promise(resolve => setTimeout(resolve, 1))
  return performance.now() - startMs
}

async function fill(
  to: Site,
  { from, count, window, keys, capMs = Infinity }: Extract<SiteRequest, { type: 'fill' }>
): Promise<Filled> {
  const startNs = nowNs()
  const endNs = startNs + capMs * 1e6
  let next = from
  const write = async (): Promise<void> => {
    while (next < from + count && nowNs() < endNs) {
      const i = next++
      await to.put(keyOf(keys === undefined ? i : i % keys), valueOf(i))
    }
  }
  await Promise.all(Array.from({ length: window }, write))
  return { startNs, endNs: nowNs(), count: next - from }
}

async function pace(to: Site, perSecond: number, count: number): Promise<void> {
  const everyMs = 1000 / perSecond
  const startMs = performance.now()
  for (let i = 0; i < count;) {
    const late = performance.now() - startMs - i * everyMs
    if (late < 0) {
      await new Promise(resolve => setTimeout(resolve, -late))
      continue
    }
    void to.put(keyOf(i), { sentNs: nowNs() })
    i++
  }
}

process.on('message', (request: SiteRequest) => {
  answer(request).then(
    value => process.send?.({ value } satisfies SiteAnswer),
    (error: unknown) => process.send?.({ error: messageOf(error) } satisfies SiteAnswer)
  )
})
process.on('disconnect', () => process.exit())
