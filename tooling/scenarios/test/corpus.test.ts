import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { playAny } from '../src/any-plan.ts'
import { parsePlan } from '../src/plan.ts'

const corpus = new URL('../corpus/', import.meta.url)

test.each(readdirSync(corpus))(
  'what once broke a promise keeps all: %s',
  async name => {
    const { violations } = await playAny(parsePlan(readFileSync(new URL(name, corpus), 'utf8')))
    expect(violations).toEqual([])
  },
  120_000
)
