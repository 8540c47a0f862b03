// Appends numbered batches to the store in argv[2] for ever, eight at a time, and prints the number of each one that was
// acknowledged. Batch i puts a row under k<i mod 37> and one of evidence, deletes x<i-5>, and puts x<i>. Runs the build.
import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { openStore } from '../../dist/index.js'

const utf8 = text => new Uint8Array(Buffer.from(text))
const hashOf = (kind, key, value) =>
  new Uint8Array(
    createHash('sha256')
      .update(JSON.stringify([kind, key, value]))
      .digest()
  )

const store = await openStore({ directory: process.argv[2] })
const log = await store.openLog('crash')
const rows = new Map(
  Array.from(log.recovered.rows, row => [
    `${row.kind} ${Buffer.from(row.key).toString()}`,
    Buffer.from(row.value).toString()
  ])
)
let next = Math.max(-1, ...[...rows.values()].map(value => Number.parseInt(value, 10))) + 1

function change(kind, key, value) {
  const id = `${kind} ${key}`
  const before = rows.get(id)
  if (value === undefined) rows.delete(id)
  else rows.set(id, value)
  return {
    kind,
    key: utf8(key),
    value: value === undefined ? undefined : utf8(value),
    hash: value === undefined ? undefined : hashOf(kind, key, value),
    replaces: before === undefined ? undefined : hashOf(kind, key, before)
  }
}

async function run() {
  for (;;) {
    const i = next++
    const value = `${i} ${'.'.repeat((i * 7919) % 900)}`
    await log.append({
      rows: [
        change('live', `k${i % 37}`, value),
        change('evidence', `k${i % 37}`, String(i)),
        change('live', `x${i - 5}`, undefined),
        change('live', `x${i}`, value)
      ],
      clockMark: BigInt(i)
    })
    writeSync(1, `${i}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, run))
