import { expect, test } from 'vitest'
import type { ClusterState } from '../../src/api/types.ts'
import { ask } from '../api/support/ask.ts'
import { Program } from '../support/program.ts'

// Goal: however the launcher ends, no member stays behind. Method: `starling up`, killed without a word.

test('a launcher that is killed leaves no member behind, one that stands still neither', async () => {
  const program = new Program('starling', [
    'up',
    '--nodes',
    '3',
    '--writes',
    '0',
    '--http-port',
    '0',
    '--json'
  ])
  const { dashboard } = JSON.parse(await program.line()) as { dashboard: string }
  for (let node = 0; node < 3; node++) await program.line()
  const { json } = await ask(dashboard, '/api/v1/cluster/nodes/1/pause', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: ''
  })
  const { members } = json as ClusterState
  expect(members.map(({ state }) => state)).toEqual(['running', 'paused', 'running'])
  await program.end('SIGKILL')
  for (const { url = '' } of members) {
    // One that stands still neither answers nor refuses.
    const refusal = async () =>
      await fetch(new URL('/health', url), { signal: AbortSignal.timeout(500) }).then(
        () => 'an answer',
        (error: Error) => (error.cause as NodeJS.ErrnoException | undefined)?.code ?? error.name
      )
    await expect.poll(refusal, { timeout: 30_000, interval: 100 }).toBe('ECONNREFUSED')
  }
})
