/** The program behind `npm run sim`. */
import process from 'node:process'
import { runCommandLine } from './command-line.ts'

process.exitCode = runCommandLine(process.argv.slice(2), {
  out: line => process.stdout.write(`${line}\n`),
  err: line => process.stderr.write(`${line}\n`),
  nowMs: () => performance.now()
})
