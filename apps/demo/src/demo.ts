// `npm run demo`: a cluster of real processes on this machine, from nothing to a verdict.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DEMO_HELP, parseDemoOptions, type DemoOptions } from './demo-options.ts'
import { JsonReporter } from './json-reporter.ts'
import type { Reporter } from './reporter.ts'
import { Story } from './story.ts'
import { TerminalReporter } from './terminal-reporter.ts'
import { UsageError } from './usage-error.ts'

/** The exit code of a program that Ctrl-C ended. */
const INTERRUPTED = 130

try {
  const options = parseDemoOptions(process.argv.slice(2))
  if (options.help) process.stdout.write(`${DEMO_HELP}\n`)
  else process.exitCode = await demo(options)
  // A story that was interrupted is still being told to nobody: its waits and writers end with the process.
  if (process.exitCode === INTERRUPTED) process.exit()
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 2
}

async function demo(options: DemoOptions): Promise<number> {
  const reporter = reporterFor(options)
  const dataDir = await dataFolder(options)
  const story = new Story(options, dataDir, reporter)
  const interrupted = new Promise<'interrupted'>(resolve => {
    process.once('SIGINT', () => resolve('interrupted'))
    process.once('SIGTERM', () => resolve('interrupted'))
    // Whoever read the output is gone (a pipe into head, a closed terminal): end the cluster, not with a crash.
    process.stdout.on('error', () => resolve('interrupted'))
  })
  try {
    const outcome = await Promise.race([story.run(), interrupted])
    if (outcome === 'interrupted') {
      await story.stop()
      return INTERRUPTED
    }
    const good = outcome.converged && outcome.lostAcknowledged === 0 && outcome.invented === 0
    if (options.stay) {
      reporter.event(`the cluster stays, its stores are in ${dataDir}; Ctrl-C ends it`, { dataDir })
      reporter.verdict(outcome)
      await interrupted
      await story.stop()
      return good ? 0 : 1
    }
    const endedByThemselves = await story.stop()
    reporter.verdict({ ...outcome, endedByThemselves })
    return good && endedByThemselves === outcome.nodes ? 0 : 1
  } catch (error) {
    await story.stop()
    process.stderr.write(
      `The demo could not go on: ${error instanceof Error ? error.message : String(error)}\n`
    )
    return 1
  } finally {
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true })
  }
}

function reporterFor(options: DemoOptions): Reporter {
  if (options.json) return new JsonReporter()
  const terminal = process.stdout.isTTY === true
  return new TerminalReporter(terminal, terminal && process.env['NO_COLOR'] === undefined)
}

async function dataFolder(options: DemoOptions): Promise<string> {
  if (options.dataDir === undefined) return await mkdtemp(join(tmpdir(), 'starling-demo-'))
  const folder = resolve(options.dataDir)
  try {
    await mkdir(folder, { recursive: true })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(`--data: cannot use ${folder} (${reason}); give a folder that can be written.`)
  }
  return folder
}
