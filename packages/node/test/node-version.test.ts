import { expect, test } from 'vitest'
import { nodeVersionProblem } from '../src/node-version.ts'

test.each(['22.2.0', '22.13.1', '24.0.0', '26.10.0'])('Node.js %s is new enough', version => {
  expect(nodeVersionProblem(version)).toBeUndefined()
})

test.each(['18.20.0', '20.20.2', '22.1.0'])('Node.js %s is told in one sentence what is needed', version => {
  expect(nodeVersionProblem(version)).toMatch(
    /^Starling needs Node\.js 22\.2 or newer, and this is \d+\.\d+\.\d+: .*\.$/u
  )
})
