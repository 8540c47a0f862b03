import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ClusterState, Entry, LogLine } from '../../src/api/types.ts'
import { ask, type Question } from '../api/support/ask.ts'
import { Reader } from '../api/support/served-node.ts'
import { Program } from '../support/program.ts'

// Goal: what a person does to the local cluster on its page happens to real processes, the cluster comes together again by itself, and the
// page says truly whether anything acknowledged was lost. Method: `starling up`, asked as the page asks; each test leaves all members
// running and one whole.

let program: Program
let url: string
beforeAll(async () => {
  program = new Program('starling', ['up', '--nodes', '4', '--writes', '0', '--http-port', '0', '--json'])
  url = (JSON.parse(await program.line()) as { dashboard: string }).dashboard
  for (let node = 0; node < 4; node++) await program.line()
})
afterAll(async () => {
  await program.end()
})

const json = { 'content-type': 'application/json' }
const state = async (): Promise<ClusterState> => (await ask(url, '/api/v1/cluster')).json as ClusterState
const post = (path: string, body = '') =>
  ask(url, `/api/v1/cluster/${path}`, { method: 'POST', headers: json, body })
const act = async (index: number, action: string) => {
  const { status, json: said } = await post(`nodes/${index}/${action}`)
  expect({ status, said }).toMatchObject({ status: 200 })
  return (said as ClusterState).members[index]
}
const entryPath = (index: number, key: string) =>
  `/api/v1/cluster/nodes/${index}/api/maps/demo/entries/${encodeURIComponent(key)}`
const put = (index: number, key: string, value: unknown, question: Question = {}) =>
  ask(url, entryPath(index, key), { method: 'PUT', headers: json, body: JSON.stringify(value), ...question })
const get = async (index: number, key: string) => (await ask(url, entryPath(index, key))).json as Entry
const within = { timeout: 60_000, interval: 100 }

/** All members agree, and what was acknowledged has been compared with what is there. */
async function whole(): Promise<ClusterState> {
  await expect.poll(async () => (await state()).lostAcknowledged, within).toBeDefined()
  return await state()
}

test('says that it is a cluster, and shows every member with its own address and its pulse', async () => {
  expect((await ask(url, '/api/v1/role')).json).toEqual({ role: 'cluster' })
  const { members, converged, lostAcknowledged } = await whole()
  expect({ converged, lostAcknowledged }).toEqual({ converged: true, lostAcknowledged: 0 })
  expect(members.map(({ name, state, part }) => ({ name, state, part }))).toEqual(
    [1, 2, 3, 4].map(number => ({ name: `node-${number}`, state: 'running', part: 0 }))
  )
  for (const { id, url: own, pulse } of members) {
    expect(pulse?.id).toBe(id)
    expect((await ask(own ?? '', '/api/v1/node')).json).toMatchObject({ id })
  }
  const targets = (await ask(url, '/api/v1/cluster/targets')).json as { targets: string[] }[]
  expect(targets.map(({ targets: [host] }) => `http://${host}/`)).toEqual(members.map(member => member.url))
})

test('a write through one member is read through another, with its condition and its watch', async () => {
  const watch = await Reader.open(url, '/api/v1/cluster/nodes/2/api/maps/demo/watch?from=now')
  const written = await put(0, 'a/b %', { on: true })
  expect(written.status).toBe(200)
  expect((await watch.named('change')).data).toMatchObject({ key: 'a/b %', value: { on: true } })
  watch.leave()
  expect(await get(2, 'a/b %')).toMatchObject({ key: 'a/b %', value: { on: true } })
  const refused = await put(2, 'a/b %', 1, { headers: { ...json, 'if-match': '"0123"' } })
  expect(refused).toMatchObject({ status: 412, json: { name: 'VersionMismatchError' } })
  expect(refused.headers['content-type']).toBe('application/problem+json')
})

test('more writes at once than there may be readers pass through, and streams are counted', async () => {
  const writes = Array.from({ length: 100 }, (_, index) => put(1, `many-${index}`, index))
  expect(new Set((await Promise.all(writes)).map(({ status }) => status))).toEqual(new Set([200]))
  const path = '/api/v1/cluster/nodes/2/api/maps/demo/watch?from=now'
  const readers = await Promise.all(Array.from({ length: 66 }, () => Reader.open(url, path)))
  const refused = readers.filter(({ response }) => response.status === 503)
  // The hub itself reads the member's events with one of the member's places.
  expect(refused.length).toBeGreaterThanOrEqual(2)
  for (const reader of readers) reader.leave()
  await expect.poll(async () => (await ask(url, '/api/v1/role')).status, within).toBe(200)
  await expect
    .poll(async () => {
      const reader = await Reader.open(url, path)
      reader.leave()
      return reader.response.status
    }, within)
    .toBe(200)
})

test('a paused member stands still and catches up; a killed one comes back on its store', async () => {
  expect(await act(1, 'pause')).toMatchObject({ state: 'paused' })
  expect(await act(2, 'kill')).toMatchObject({ state: 'killed' })
  expect((await ask(url, entryPath(2, 'x'))).json).toMatchObject({
    status: 503,
    name: 'MemberUnavailableError'
  })
  await put(0, 'meanwhile', 1)
  expect(await state()).not.toHaveProperty('lostAcknowledged')
  expect(await act(1, 'resume')).toMatchObject({ state: 'running' })
  const back = await act(2, 'restart')
  expect(back).toMatchObject({ state: 'running' })
  expect((await whole()).lostAcknowledged).toBe(0)
  for (const index of [1, 2]) expect(await get(index, 'meanwhile')).toMatchObject({ value: 1 })
})

test('a watch on the command line waits for its member, and says what it may have missed', async () => {
  await put(0, 'seen', 1)
  await whole()
  const args = ['watch', '--url', url, '--member', '3', '--from', 'snapshot', '--prefix', 'seen', '--json']
  const watching = new Program('starling', args)
  expect(JSON.parse(await watching.line())).toMatchObject({ key: 'seen', value: 1 })
  await act(2, 'kill')
  await put(0, 'seen', 2)
  await act(2, 'restart')
  expect(JSON.parse(await watching.line())).toEqual({ type: 'resync' })
  const values: unknown[] = []
  while (!values.includes(2)) values.push((JSON.parse(await watching.line()) as Entry).value)
  expect(await watching.end()).toBe(130)
  await whole()
})

test('a member that is stopped says goodbye, and can be started again', async () => {
  expect(await act(3, 'stop')).toMatchObject({ state: 'stopped' })
  expect(await act(3, 'restart')).toMatchObject({ state: 'running' })
  expect((await whole()).converged).toBe(true)
})

test('two sides of a split know nothing of each other, and lose nothing when it heals', async () => {
  await put(0, 'both', 'before')
  await whole()
  const log = await Reader.open(url, '/api/v1/cluster/events')
  expect((await post('split', '{"side": [0, 1]}')).status).toBe(200)
  expect((await state()).members.map(({ part }) => part)).toEqual([1, 1, 2, 2])
  for (const [index, side] of [
    [0, 'left'],
    [3, 'right']
  ] as const) {
    await put(index, side, side)
    await put(index, 'both', side)
  }
  await expect.poll(() => get(1, 'left'), within).toMatchObject({ value: 'left' })
  await expect.poll(() => get(2, 'right'), within).toMatchObject({ value: 'right' })
  // A member that is started during a split stays on its side.
  await act(2, 'kill')
  await act(2, 'restart')
  await expect.poll(() => get(2, 'right'), within).toMatchObject({ value: 'right' })
  expect(await get(2, 'left')).toMatchObject({ status: 404 })
  expect((await state()).lostAcknowledged).toBeUndefined()

  expect((await post('heal')).status).toBe(200)
  const { converged, lostAcknowledged, members } = await whole()
  expect({ converged, lostAcknowledged, parts: members.map(({ part }) => part) }).toEqual({
    converged: true,
    lostAcknowledged: 0,
    parts: [0, 0, 0, 0]
  })
  for (const index of [0, 1, 2, 3]) {
    expect(await get(index, 'left')).toMatchObject({ value: 'left' })
    expect((await get(index, 'both')).conflicts?.toSorted()).toEqual(['left', 'right'])
  }
  const told: string[] = []
  while (!told.includes('heal')) told.push(((await log.named('event')).data as LogLine).type)
  expect(told).toContain('split')
  log.leave()
})

test('a member that joins gets everything', async () => {
  await put(1, 'early', 1)
  expect((await post('nodes')).status).toBe(200)
  expect((await whole()).members).toHaveLength(5)
  expect(await get(4, 'early')).toMatchObject({ value: 1 })
})

describe('is refused, by name', () => {
  test.each<[string, string, string, object]>([
    ['what is done already', 'nodes/0/resume', '', { status: 409, name: 'MemberStateError' }],
    ['a member that runs being started', 'nodes/0/restart', '', { status: 409, name: 'MemberStateError' }],
    ['no such member', 'nodes/77/kill', '', { status: 404, name: 'NoSuchMemberError' }],
    ['no number', 'nodes/-1/kill', '', { status: 404, name: 'NoSuchMemberError' }],
    ['no such action', 'nodes/0/explode', '', { status: 404, name: 'NoSuchActionError' }],
    ['an inherited action', 'nodes/0/constructor', '', { status: 404, name: 'NoSuchActionError' }],
    ['a split of nobody', 'split', '{"side": []}', { status: 400, name: 'SplitError' }],
    ['a split of all', 'split', '{"side": [0, 1, 2, 3, 4]}', { status: 400, name: 'SplitError' }],
    ['a split of strangers', 'split', '{"side": [0, 9]}', { status: 400, name: 'SplitError' }],
    ['a split of words', 'split', '{"side": ["0"]}', { status: 400, name: 'SplitError' }],
    ['no split', 'split', 'no', { status: 400, name: 'SplitError' }]
  ])('%s', async (_, path, body, expected) => {
    expect((await post(path, body)).json).toMatchObject(expected)
    expect((await state()).members.map(({ state, part }) => `${state} ${part}`)).toEqual(
      Array.from({ length: 5 }, () => 'running 0')
    )
  })

  test('a page of another site', async () => {
    const foreign = { ...json, origin: 'http://evil.example' }
    expect(
      (await ask(url, '/api/v1/cluster/nodes/0/kill', { method: 'POST', headers: foreign })).status
    ).toBe(403)
    expect((await ask(url, '/api/v1/cluster/nodes/0/kill', { method: 'POST' })).status).toBe(415)
  })

  test('a way out of a member’s API', async () => {
    for (const path of ['../health', '..%2f..%2fhealth', '/evil.example/api/v1/role', '@evil.example/']) {
      const { text, status } = await ask(url, `/api/v1/cluster/nodes/0/api/${path}`)
      expect({ path, status, text: text.includes('"ok"') }).toEqual({ path, status: 404, text: false })
    }
  })
})

test('Ctrl-C ends every process, one that stands still too', async () => {
  await act(1, 'pause')
  const urls = (await state()).members.map(member => member.url ?? '')
  expect(urls).toHaveLength(5)
  expect(await program.end()).toBe(130)
  for (const each of [url, ...urls]) await expect(ask(each, '/health')).rejects.toThrow(/ECONNREFUSED/u)
})
