import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Target } from './targets.ts'

export interface CorpusFile {
  readonly name: string
  /** What comes out: `accepted`, or a reason and an offset. */
  readonly outcome: string
  readonly bytes: Uint8Array
}

/**
 * The files kept for one decoder. A file is text: lines that begin with `#` say why it is there, `=` is the outcome, the rest
 * are bytes in hexadecimal digits; `81*5000` stands for 5000 times `81`.
 */
export function corpusOf(target: Target): CorpusFile[] {
  const folder = join(import.meta.dirname, '../corpus', target)
  return readdirSync(folder).map(name => {
    const lines = readFileSync(join(folder, name), 'utf8').split('\n')
    const words = lines.filter(line => !/^[#=]/.test(line)).flatMap(line => line.split(/\s+/))
    const digits = words.map(word => {
      const [part = '', times = '1'] = word.split('*')
      return part.repeat(Number(times))
    })
    return {
      name,
      outcome:
        lines
          .find(line => line.startsWith('='))
          ?.slice(1)
          .trim() ?? 'no outcome',
      bytes: Uint8Array.from(Buffer.from(digits.join(''), 'hex'))
    }
  })
}
