/** The program behind `npm run bench`. */
import process from 'node:process'
import { runCommandLine } from './command-line.ts'
import { SUITES } from './registry.ts'

process.exitCode = await runCommandLine(process.argv.slice(2), SUITES, {
  out: line => process.stdout.write(`${line}\n`),
  err: line => process.stderr.write(`${line}\n`)
})
