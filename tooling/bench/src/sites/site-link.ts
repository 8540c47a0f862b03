import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Cost, Filled, Heard, SiteAnswer, SiteInit, SiteRequest } from './site.ts'

/** How a site is opened, but for its folder, which is a fresh one each time. */
export type OpenInit = Omit<SiteInit, 'folder'>

const ANSWER_MS = 300_000

/** A site in a process of its own. One request at a time. */
export class SiteLink {
  readonly #child: ChildProcess
  readonly #folder: string

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child
    this.#folder = folder
  }

  /** @param name of the contender's module, `sites/NAME-site.js`. */
  static async start(name: string): Promise<SiteLink> {
    const folder = await mkdtemp(join(tmpdir(), 'starling-bench-'))
    const child = fork(fileURLToPath(new URL('site-process.js', import.meta.url)), [name], {
      // The report is on our standard output; a library that prints there must not spoil it.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc']
    })
    return new SiteLink(child, folder)
  }

  open(init: OpenInit): Promise<string> {
    return this.#ask({ type: 'open', init: { ...init, folder: this.#folder } }) as Promise<string>
  }

  join(init: OpenInit, count: number): Promise<number> {
    return this.#ask({ type: 'join', init: { ...init, folder: this.#folder }, count }) as Promise<number>
  }

  write(request: Omit<Extract<SiteRequest, { type: 'fill' }>, 'type'>): Promise<Filled> {
    return this.#ask({ type: 'fill', ...request }) as Promise<Filled>
  }

  async pace(perSecond: number, count: number): Promise<void> {
    await this.#ask({ type: 'pace', perSecond, count })
  }

  async listen(): Promise<void> {
    await this.#ask({ type: 'listen' })
  }

  heard(): Promise<Heard> {
    return this.#ask({ type: 'heard' }) as Promise<Heard>
  }

  size(): Promise<number> {
    return this.#ask({ type: 'size' }) as Promise<number>
  }

  cost(): Promise<Cost> {
    return this.#ask({ type: 'cost' }) as Promise<Cost>
  }

  memory(): Promise<number> {
    return this.#ask({ type: 'memory' }) as Promise<number>
  }

  get folder(): string {
    return this.#folder
  }

  /** Closes the site, ends its process and removes its folder. */
  async end(): Promise<void> {
    if (this.#child.connected) {
      const exited = once(this.#child, 'exit')
      await this.#ask({ type: 'close' }).catch(() => undefined)
      this.#child.disconnect()
      const killer = setTimeout(() => this.#child.kill('SIGKILL'), 5000)
      await exited
      clearTimeout(killer)
    }
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #ask(request: SiteRequest): Promise<unknown> {
    const asking = new AbortController()
    const exited = (): void => asking.abort(new Error('its process ended before it answered'))
    const late = setTimeout(() => asking.abort(new Error('its process does not answer')), ANSWER_MS)
    const answered = once(this.#child, 'message', { signal: asking.signal })
    this.#child.once('exit', exited)
    this.#child.send(request)
    try {
      const [answer] = (await answered) as [SiteAnswer]
      if ('error' in answer) throw new Error(answer.error)
      return answer.value
    } catch (error) {
      throw asking.signal.aborted ? asking.signal.reason : error
    } finally {
      clearTimeout(late)
      this.#child.off('exit', exited)
    }
  }
}
