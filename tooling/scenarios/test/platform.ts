import { runCommandLine } from '../src/command-line.ts'
import type { Report } from '../src/report.ts'

export interface Ran {
  readonly code: number
  readonly out: string[]
  readonly err: string[]
  readonly files: Map<string, string>
  /** The last line of output as a report. */
  readonly report: Report
}

/** Runs the program in this process, on files in memory; its wall clock stands still unless told otherwise. */
export async function run(args: readonly string[], init: Partial<Machine> = {}): Promise<Ran> {
  const out: string[] = []
  const err: string[] = []
  const files = init.files ?? new Map<string, string>()
  const code = await runCommandLine(args, {
    out: line => out.push(line),
    err: line => err.push(line),
    nowMs: init.nowMs ?? (() => 0),
    readFile: path => {
      const text = files.get(path)
      if (text === undefined) throw new Error('no such file')
      return text
    },
    writeFile: (path, text) => files.set(path, text),
    corpus: 'corpus',
    listFiles: folder =>
      [...files.keys()]
        .filter(path => path.startsWith(`${folder}/`))
        .map(path => path.slice(folder.length + 1))
        .toSorted(),
    elsewhere: init.elsewhere ?? (() => '{}')
  })
  const ran = { code, out, err, files }
  return {
    ...ran,
    get report() {
      return JSON.parse(out.at(-1) ?? 'null') as Report
    }
  }
}

interface Machine {
  readonly files: Map<string, string>
  readonly nowMs: () => number
  readonly elsewhere: (args: readonly string[]) => string
}
