import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { Program } from '../support/program.ts'
import { run } from '../support/run.ts'

// Goal: Ctrl-C ends a command whatever it waits for, and a benchmark that cannot go on takes back what it wrote. Method: the built
// program against a server that answers, or does not, as each test needs.

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

async function serving(
  answer: (request: IncomingMessage, response: ServerResponse) => void
): Promise<string> {
  const listening = createServer(answer)
  server = listening
  await new Promise<void>(resolve => listening.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}/`
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

test('Ctrl-C ends a command whose node takes the question and says nothing', async () => {
  const asked = Promise.withResolvers<void>()
  const url = await serving(() => asked.resolve())
  const program = new Program('starling', ['get', 'k', '--url', url])
  await asked.promise
  expect(await program.end()).toBe(130)
})

test('Ctrl-C ends a write whose value nobody types', async () => {
  const asked = Promise.withResolvers<void>()
  const url = await serving((_, response) => {
    json(response, 200, { role: 'node' })
    response.on('finish', () => asked.resolve())
  })
  const program = new Program('starling', ['set', 'k', '-', '--url', url])
  await asked.promise
  expect(await program.end()).toBe(130)
})

test('bench-write removes what it wrote when a write is refused, and goes on where an entry is gone already', async () => {
  const entries = new Set<string>()
  let writes = 0
  let removals = 0
  const url = await serving((request, response) => {
    const { method, url: path = '' } = request
    if (method === 'GET') return json(response, 200, { role: 'node' })
    if (method === 'PUT') {
      if (++writes === 20)
        return json(response, 507, { detail: 'There is no room.', name: 'QuotaExceededError' })
      entries.add(path)
      return json(response, 200, {})
    }
    entries.delete(path)
    if (++removals === 3) return json(response, 404, { detail: 'It is not here.', name: 'NoSuchKeyError' })
    response.writeHead(204).end()
  })
  const { code, stderr } = await run('starling', [
    'bench-write',
    '--count',
    '100',
    '--window',
    '4',
    '--url',
    url
  ])
  expect({ code, stderr }).toEqual({ code: 4, stderr: 'There is no room.\n' })
  expect([...entries]).toEqual([])
  expect(writes).toBeLessThan(30)
})
