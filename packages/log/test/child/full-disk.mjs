// Runs classic-level into a full disk and on: the limit of its own file size stands in for the disk's end.
// Arguments: the folder, and the program that sets limits. Prints what it saw as JSON.
import { ClassicLevel } from 'classic-level'
import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const [location, prlimit] = process.argv.slice(2)
// Without a handler the signal ends the process; with one the write fails.
process.on('SIGXFSZ', () => {})
const limit = bytes => execFileSync(prlimit, ['--pid', String(process.pid), `--fsize=${bytes}:`])
const logBytes = () => {
  const name = readdirSync(location).find(one => one.endsWith('.log'))
  return statSync(join(location, name)).size
}

let database = new ClassicLevel(location)
await database.open()
const put = key =>
  database.put(key, 'x'.repeat(100), { sync: true }).then(
    () => 'ok',
    error => error.code
  )
for (let i = 0; i < 20; i++) await put(`before ${i}`)
limit(logBytes() + 10)
const full = await put('full')
limit('unlimited')
const later = []
for (let i = 0; i < 20; i++) later.push(await put(`later ${i}`))
await database.close()
database = new ClassicLevel(location)
await database.open()
const keys = await database.keys().all()
await database.close()
const count = prefix => keys.filter(key => key.startsWith(prefix)).length
console.log(
  JSON.stringify({
    full,
    acknowledged: later.filter(one => one === 'ok').length,
    foundBefore: count('before'),
    foundLater: count('later')
  })
)
