/** The program behind `npm run sim`. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { runCommandLine } from './command-line.ts'

const [, script = ''] = process.argv

process.exitCode = await runCommandLine(process.argv.slice(2), {
  out: line => process.stdout.write(`${line}\n`),
  err: line => process.stderr.write(`${line}\n`),
  nowMs: () => performance.now(),
  readFile: path => readFileSync(path, 'utf8'),
  writeFile: (path, text) => writeFileSync(path, text),
  corpus: fileURLToPath(new URL('../corpus', import.meta.url)),
  listFiles: folder => readdirSync(folder).toSorted(),
  elsewhere: args => {
    const { stdout } = spawnSync(process.execPath, [script, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 64 * 1024 * 1024
    })
    return stdout.trim().split('\n').at(-1) ?? ''
  }
})
