import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { systemClock, systemHash, systemHmac, systemRandom, systemTimers } from '../src/system.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const utf8 = (text: string) => new TextEncoder().encode(text)

describe('the system ports', () => {
  test('hash is SHA-256 (FIPS 180-4, one block)', () => {
    expect(hex(systemHash(utf8('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    )
  })

  test('hash agrees with the streaming one for any length, also of a view on a larger buffer', () => {
    for (let length = 0; length < 300; length++) {
      const bytes = systemRandom.bytes(length + 3).subarray(3)
      expect(hex(systemHash(bytes))).toBe(createHash('sha256').update(bytes).digest('hex'))
    }
  })

  test('hmac is HMAC-SHA-256 (RFC 4231, case 2)', () => {
    expect(hex(systemHmac(utf8('Jefe'), utf8('what do ya want for nothing?')))).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'
    )
  })

  test('a cancelled timer does not run, and others run in order of their delay', async () => {
    const ran: string[] = []
    const cancelled = systemTimers.schedule(1, () => ran.push('cancelled'))
    cancelled.cancel()
    const keepAlive = setInterval(() => {}, 1000)
    await new Promise<void>(resolve => {
      systemTimers.schedule(5, () => {
        ran.push('second')
        resolve()
      })
      systemTimers.schedule(1, () => ran.push('first'))
    })
    clearInterval(keepAlive)
    expect(ran).toEqual(['first', 'second'])
  })

  test('no delay is the next turn, also of a process that only waits', async () => {
    // A process of its own, which waits for its input and gets none before it has spoken: here something always turns the loop.
    const program = `
      const { systemTimers } = await import(${JSON.stringify(new URL('../src/system.ts', import.meta.url).href)})
      process.stdin.resume()
      setTimeout(() => systemTimers.schedule(0, () => console.log('no delay')), 50)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['pipe', 'pipe', 'inherit']
    })
    try {
      const [said] = (await once(child.stdout, 'data')) as [Buffer]
      expect(String(said)).toBe('no delay\n')
    } finally {
      child.stdin.end()
      child.kill()
    }
  })

  test('the monotonic clock does not decrease and random bytes do not repeat', () => {
    const first = systemClock.monotonicMs()
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(first)
    expect(hex(systemRandom.bytes(16))).not.toBe(hex(systemRandom.bytes(16)))
    expect(systemRandom.below(10)).toBeLessThan(10)
  })
})
