import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/commands/main.ts'
import { helpOf } from '../../src/commands/command.ts'
import { Progress } from '../../src/commands/progress.ts'
import { suggest } from '../../src/commands/suggest.ts'

// Goal: a mistake on the command line is answered with what was probably meant, and never with nonsense.

const names = COMMANDS.map(({ name }) => name)

describe('a suggestion', () => {
  test.each([
    ['gte', 'get'],
    ['Get', 'get'],
    ['wacth', 'watch'],
    ['docter', 'doctor'],
    ['inspekt', 'inspect'],
    ['delete', 'del'],
    ['rm', 'del'],
    ['put', 'set'],
    ['status', 'inspect'],
    ['start', 'up'],
    ['benchwrite', 'bench-write'],
    ['ins', 'inspect']
  ])('for %s is %s', (word, meant) => {
    expect(suggest(word, names)).toBe(meant)
  })

  test.each(['', 'x', 'banana', 'constructor', '__proto__', 'w'.repeat(10_000)])('for %s is none', word => {
    expect(suggest(word, names)).toBeUndefined()
  })
})

test('every command is explained, with an example that begins as one types it', () => {
  for (const command of COMMANDS) {
    const help = helpOf(command)
    expect(command.summary).toMatch(/\.$/u)
    expect(command.examples.length).toBeGreaterThan(0)
    for (const example of command.examples)
      expect(example).toMatch(new RegExp(`starling ${command.name}\\b`, 'u'))
    for (const name of [...Object.keys(command.options), 'help']) expect(help).toContain(`--${name}`)
  }
})

describe('a progress bar', () => {
  const drawn = (isTTY: boolean) => {
    let nowMs = 0
    let text = ''
    const output = {
      isTTY,
      write: (more: string) => {
        text += more
      }
    }
    const bar = new Progress('writes', 100, output, () => nowMs)
    for (let done = 1; done <= 100; done++) {
      nowMs = done * 20
      bar.at(done)
    }
    bar.end()
    return text
  }

  test('is drawn after a second, says what is left, and is taken away', () => {
    const text = drawn(true)
    expect(text.split('\r')[1]).toBe(`\u001B[K[${'#'.repeat(15)}${'-'.repeat(15)}] 50 % writes, 1 s left`)
    expect(text.match(/%/gu)?.length).toBeLessThan(20)
    expect(text.endsWith('\r\u001B[K')).toBe(true)
  })

  test('is not drawn where nobody looks', () => {
    expect(drawn(false)).toBe('')
  })
})
