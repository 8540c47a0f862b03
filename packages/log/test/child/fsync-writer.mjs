// Appends rows one after another to the store in argv[2] until an append fails, recovers in place, and appends some more; prints
// the numbers that were acknowledged, what the failed append was told, and 'end'. Runs the build.
import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { openStore } from '../../dist/index.js'

const APPENDS = 70
const say = what => writeSync(1, `${what}\n`)
async function open() {
  for (;;) {
    try {
      return await openStore({ directory: process.argv[2] })
    } catch (error) {
      say(`opening failed ${error.name} ${error.retryable}`)
      if (!error.retryable) throw error
    }
  }
}

const store = await open()
const log = await store.openLog('crash')

function append(i) {
  const value = Buffer.from(String(i))
  const hash = new Uint8Array(createHash('sha256').update(value).digest())
  const row = { kind: 'live', key: Buffer.from(`k${i}`), value, hash, replaces: undefined }
  return log.append({ rows: [row], clockMark: BigInt(i) })
}

/** Recovering syncs as well, and that may fail like anything else. */
async function recover(i, failed) {
  for (;;) {
    try {
      const { proven } = await log.recover(() => [])
      return say(`recovered ${i} ${await failed.tookEffect} ${proven}`)
    } catch (error) {
      say(`failed to recover ${i} ${error.name} ${error.retryable}`)
    }
  }
}

for (let i = 0; i < APPENDS; i++) {
  try {
    await append(i)
    say(`acknowledged ${i}`)
  } catch (error) {
    say(`failed ${i} ${error.name}`)
    await recover(i, error)
  }
}
await store.close()
say('end')
