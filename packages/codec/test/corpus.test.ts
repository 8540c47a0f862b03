import { describe, expect, test } from 'vitest'
import { corpusOf } from './support/corpus.ts'
import { TARGETS, type Target } from './support/targets.ts'

describe.each(Object.keys(TARGETS) as Target[])('the corpus of %s', target => {
  test.each(corpusOf(target))('$name', ({ bytes, outcome }) => {
    expect(TARGETS[target](bytes)).toBe(outcome)
  })
})
