import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually, NodeProcess, type Started } from './node-process.ts'
import { pauseMs } from './runs.ts'

// Goal: whatever happens to a process, the others notice in time, and it is back among them when it can be.

const cluster = { name: 'e2e', secret: 'the secret of the end-to-end tests' }
const TIMEOUT_MS = 90_000 + pauseMs
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-e2e-'))
})

afterAll(async () => {
  await NodeProcess.endAll()
  rmSync(folder, { recursive: true, force: true })
})

interface Member extends Started {
  readonly node: NodeProcess
}

interface Seen {
  readonly type: string
  readonly peer?: string
  readonly reason?: string
}

async function start(
  name: string,
  contacts: readonly string[] = [],
  options: Record<string, unknown> = {}
): Promise<Member> {
  const node = new NodeProcess()
  return { node, ...(await node.start({ dataDir: join(folder, name), contacts, cluster, ...options })) }
}

/** Two processes, joined. */
async function pair(name: string): Promise<[Member, Member]> {
  const a = await start(`${name}-a`)
  const b = await start(`${name}-b`, a.addresses)
  await Promise.all([joined(a, b), joined(b, a)])
  return [a, b]
}

const statuses = ({ node }: Member): Promise<{ peer: string; status: string }[]> => node.call('peers')
const eventsOf = async (of: Member, about: Member): Promise<string[]> =>
  (await of.node.call<Seen[]>('peerEvents')).filter(({ peer }) => peer === about.id).map(({ type }) => type)

/** Why peers left, as a process saw it: one that stood still itself has no reason to call others silent. */
const endsOf = async ({ node }: Member): Promise<(string | undefined)[]> =>
  (await node.call<Seen[]>('peerEvents'))
    .filter(({ type }) => type === 'peer:leave')
    .map(({ reason }) => reason)

async function joined(of: Member, about: Member): Promise<void> {
  await eventually(
    () => statuses(of),
    peers => peers.some(({ peer, status }) => peer === about.id && status === 'connected')
  )
}

async function left(of: Member, about: Member): Promise<void> {
  await eventually(
    () => eventsOf(of, about),
    types => types.at(-1) === 'peer:leave'
  )
}

async function sees(of: Member, key: string, value: unknown): Promise<void> {
  const found = await eventually(
    () => of.node.call('get', key),
    got => JSON.stringify(got) === JSON.stringify(value)
  )
  expect(found).toEqual(value)
}

const after = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

// Each waits most of its time, so they wait side by side.
describe.concurrent('a process that', () => {
  test(
    'is stopped and continued is missed, then joins again and has what it missed',
    async () => {
      const [a, b] = await pair('stopped')
      b.node.signal('SIGSTOP')
      const stoppedFor = after(pauseMs)
      await left(a, b)
      expect(await eventsOf(a, b)).toEqual(['peer:join', 'peer:suspect', 'peer:leave'])
      await a.node.call('set', 'meanwhile', 1)
      await stoppedFor
      b.node.signal('SIGCONT')
      await sees(b, 'meanwhile', 1)
      await b.node.call('set', 'back', 2)
      await sees(a, 'back', 2)
      expect(await endsOf(b)).not.toContain('silent')
    },
    TIMEOUT_MS
  )

  test(
    'blocks its event loop is missed, takes nobody else for silent, and joins again',
    async () => {
      const [a, b] = await pair('blocked')
      const blocked = b.node.call('block', pauseMs)
      await left(a, b)
      await a.node.call('set', 'meanwhile', 1)
      await blocked
      await sees(b, 'meanwhile', 1)
      await b.node.call('set', 'back', 2)
      await sees(a, 'back', 2)
      expect(await endsOf(b)).not.toContain('silent')
    },
    TIMEOUT_MS
  )

  test(
    'is killed is missed, and its successor on the same folder is another process of the same peer',
    async () => {
      const [a, b] = await pair('killed')
      await b.node.call('set', 'mine', 1)
      await sees(a, 'mine', 1)
      await b.node.kill()
      await left(a, b)
      await a.node.call('set', 'meanwhile', 2)
      const again = await start('killed-b', a.addresses)
      expect(again.id).toBe(b.id)
      await sees(again, 'meanwhile', 2)
      await sees(again, 'mine', 1)
      await joined(a, again)
      expect((await eventsOf(a, b)).filter(type => type !== 'peer:suspect')).toEqual([
        'peer:join',
        'peer:leave',
        'peer:join'
      ])
    },
    TIMEOUT_MS
  )

  test(
    'was the only contact is found again on another port, although it has no contact itself',
    async () => {
      const contact = await start('moved-contact')
      const b = await start('moved-b', contact.addresses)
      const c = await start('moved-c', contact.addresses)
      await Promise.all([joined(contact, b), joined(contact, c)])
      await contact.node.call('set', 'before', 1)
      await sees(c, 'before', 1)
      expect(await contact.node.call('stop')).toEqual([])
      await contact.node.exited
      const again = await start('moved-contact')
      expect(again.id).toBe(contact.id)
      expect(again.addresses).not.toEqual(contact.addresses)
      await b.node.call('set', 'after', 2)
      await sees(again, 'after', 2)
      await again.node.call('set', 'here', 3)
      await Promise.all([sees(b, 'here', 3), sees(c, 'here', 3)])
    },
    TIMEOUT_MS
  )

  test(
    'is killed and comes back on another port finds its peers by what it had saved',
    async () => {
      const contact = await start('crashed-contact')
      const b = await start('crashed-b', contact.addresses)
      await joined(contact, b)
      // The file is written at intervals: kill -9 leaves what the last one wrote.
      await eventually(
        () => contact.node.call<string>('savedPeers'),
        text => text.includes(b.id)
      )
      await contact.node.kill()
      const again = await start('crashed-contact')
      await b.node.call('set', 'after', 1)
      await sees(again, 'after', 1)
      expect(await again.node.call('warnings')).toEqual([])
    },
    TIMEOUT_MS
  )

  test(
    'is revoked while connected is cut off, and what it writes does not come in until it is restored',
    async () => {
      const [a, b] = await pair('revoked')
      await a.node.call('revoke', b.id)
      await left(a, b)
      const [last] = (await a.node.call<Seen[]>('peerEvents')).slice(-1)
      expect(last).toMatchObject({ type: 'peer:leave', peer: b.id, reason: 'revoked' })
      await b.node.call('set', 'unwanted', 1)
      await a.node.call('set', 'private', 2)
      const failures = await eventually(
        () => b.node.call<{ failuresByError: Record<string, number> }>('inspect'),
        ({ failuresByError }) => (failuresByError['AdmissionError'] ?? 0) > 0
      )
      expect(failures.failuresByError['AdmissionError']).toBeGreaterThan(0)
      expect(await a.node.call('get', 'unwanted')).toBeUndefined()
      expect(await b.node.call('get', 'private')).toBeUndefined()
      await a.node.call('restore', b.id)
      await sees(a, 'unwanted', 1)
      await sees(b, 'private', 2)
    },
    TIMEOUT_MS
  )

  test(
    'gets a new secret, as all do, one after the other, never leaves',
    async () => {
      const [a, b] = await pair('rotated')
      const secrets = ['the secret of the end-to-end tests', 'another secret, just as long as it']
      for (const step of [secrets, secrets.toReversed(), secrets.slice(1)]) {
        for (const { node } of [a, b]) await node.call('setSecrets', step)
      }
      await a.node.call('set', 'with the new one', 1)
      await sees(b, 'with the new one', 1)
      const late = await start('rotated-late', a.addresses, { cluster: { ...cluster, secret: secrets[1] } })
      await sees(late, 'with the new one', 1)
      const stranger = await start('rotated-stranger', a.addresses)
      await eventually(
        () => stranger.node.call<{ failuresByError: Record<string, number> }>('inspect'),
        ({ failuresByError }) => (failuresByError['AdmissionError'] ?? 0) > 0
      )
      expect(await stranger.node.call('size')).toBe(0)
      expect(await eventsOf(a, b)).toEqual(['peer:join'])
      expect(await eventsOf(b, a)).toEqual(['peer:join'])
    },
    TIMEOUT_MS
  )
})
