// Opens the store in argv[2] and goes through the stage in argv[3], printing a line at every step of it, so that whoever started
// this can kill it at any of them. Runs the build.
import { writeSync } from 'node:fs'
import { openStore } from '../../dist/index.js'

const [, , directory, stage] = process.argv
const say = what => writeSync(1, `${what}\n`)

say('opening')
const store = await openStore({ directory })
say('open')
const log = await store.openLog('crash', { onProgress: () => say('reading') })
say('read')
if (stage === 'verifying') {
  await store.verify({ onProgress: () => say('verifying') })
  say('verified')
}
if (stage === 'compacting') {
  // Each row is written again as it is until the store has compacted itself a few times.
  const rows = [...log.recovered.rows].map(({ kind, key, value, hash }) => ({
    kind,
    key,
    value,
    hash,
    replaces: hash
  }))
  for (let round = 0; store.stats().compactions < 4 && round < 40; round++) {
    await log.append({ rows, clockMark: log.recovered.clockMark })
    say(`written, ${store.stats().compactions} compactions`)
  }
}
say('done')
