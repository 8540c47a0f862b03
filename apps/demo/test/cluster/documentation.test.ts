import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { HTTP_LIMITS } from '../../src/api/config.ts'
import { EventStreams } from '../../src/api/event-stream.ts'
import { Actions } from '../../src/cluster/actions.ts'
import { Cluster, NODES_MAX } from '../../src/cluster/cluster.ts'
import { hubApi } from '../../src/cluster/hub-api.ts'
import { Hub } from '../../src/cluster/hub.ts'

// Goal: the guide has every request that the local cluster's address answers, and no other.

const root = join(import.meta.dirname, '../../../..')
const page = readFileSync(join(root, 'docs/guide/http-api.md'), 'utf8')
const [, section = ''] = /## The local cluster's address\n(.*?)\n## /su.exec(page) ?? []

test('the guide lists the routes of the local cluster, all of them and no more', async () => {
  const cluster = new Cluster({ nodes: 1, dataDir: '/', served: true })
  const hub = new Hub(cluster, { steadyWrites: 0 })
  const actions = new Actions(cluster, hub)
  const { routes } = hubApi({ cluster, hub, actions, streams: new EventStreams(HTTP_LIMITS) })
  await hub.close()
  const written = [...section.matchAll(/^\| `([A-Z]+ \S+)` \|/gmu)].map(([, request]) => request)
  expect(written.toSorted()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).toSorted())
  expect(section).toContain(`up to ${NODES_MAX} |`)
})

test('the guide names every refusal of the local cluster', () => {
  const folder = join(root, 'apps/demo/src/cluster')
  const source = readdirSync(folder)
    .map(file => readFileSync(join(folder, file), 'utf8'))
    .join('\n')
  const thrown = [...source.matchAll(/'(\w+Error)'/gu)].map(([, name]) => name)
  const told = [...section.matchAll(/`(\w+Error)`/gu)].map(([, name]) => name)
  const ofMaps = new Set([
    'IndeterminateWriteError',
    'ReplicationTimeoutError',
    'NodeGoneError',
    'NodeRefusedError'
  ])
  expect([...new Set(told)].toSorted()).toEqual(
    [...new Set(thrown.filter(name => !ofMaps.has(name ?? '')))].toSorted()
  )
})
