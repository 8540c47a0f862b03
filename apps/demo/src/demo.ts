// `npm run demo`: a cluster of real processes on this machine, from nothing to a verdict.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Cluster } from './cluster/cluster.ts'
import { serveCluster, type ClusterServer } from './cluster/hub-server.ts'
import { DEMO_HELP, parseDemoOptions, type DemoOptions } from './demo-options.ts'
import { JsonReporter } from './json-reporter.ts'
import type { Reporter } from './reporter.ts'
import { Story } from './story.ts'
import { TerminalReporter } from './terminal-reporter.ts'
import { UsageError } from './usage-error.ts'

/** The exit code of a program that Ctrl-C ended. */
const INTERRUPTED = 130
/** Writes that a cluster that stays makes every few seconds. */
const STEADY_WRITES = 6

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
  const cluster = new Cluster({ nodes: options.nodes, dataDir, served: options.stay })
  const story = new Story(options, cluster, reporter)
  const interrupted = new Promise<'interrupted'>(resolve => {
    process.once('SIGINT', () => resolve('interrupted'))
    process.once('SIGTERM', () => resolve('interrupted'))
    // Whoever read the output is gone (a pipe into head, a closed terminal): end the cluster, not with a crash.
    process.stdout.on('error', () => resolve('interrupted'))
  })
  let server: ClusterServer | undefined
  const end = async (): Promise<number> => {
    story.close()
    await server?.close()
    return await cluster.end()
  }
  try {
    if (options.stay) {
      server = await pageOf(cluster, options.httpPort)
      reporter.dashboard(server.url)
    }
    const outcome = await Promise.race([story.run(), interrupted])
    if (outcome === 'interrupted') {
      await end()
      return INTERRUPTED
    }
    const good = outcome.converged && outcome.lostAcknowledged === 0 && outcome.invented === 0
    if (server !== undefined) {
      reporter.event(
        `the cluster stays, with its page at ${server.url} and its stores in ${dataDir}; Ctrl-C ends it`,
        {
          dataDir
        }
      )
      reporter.verdict(outcome)
      story.close()
      server.open()
      await interrupted
      await end()
      return good ? 0 : 1
    }
    const endedByThemselves = await end()
    reporter.verdict({ ...outcome, endedByThemselves })
    return good && endedByThemselves === outcome.nodes ? 0 : 1
  } catch (error) {
    await end()
    if (error instanceof UsageError) throw error
    process.stderr.write(
      `The demo could not go on: ${error instanceof Error ? error.message : String(error)}\n`
    )
    return 1
  } finally {
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true })
  }
}

async function pageOf(cluster: Cluster, port: number): Promise<ClusterServer> {
  const closedFor = 'The demo still tells its story; wait for its verdict.'
  try {
    return await serveCluster(cluster, { port, steadyWrites: STEADY_WRITES, closedFor })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(
      `--http-port: cannot listen on port ${port} (${reason}); leave it out, or give another.`
    )
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
