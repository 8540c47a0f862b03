import { relative } from 'node:path'
import fc, { type RunDetails } from 'fast-check'
import { expect } from 'vitest'

// FC_RUNS runs every property longer; FC_SEED and FC_PATH run a case again that failed.
const { FC_SEED: seed, FC_PATH: path, FC_RUNS: runs } = process.env
fc.configureGlobal({
  ...(seed === undefined ? {} : { seed: Number(seed) }),
  ...(path === undefined ? {} : { path }),
  ...(runs === undefined ? {} : { numRuns: Number(runs) }),
  reporter: failWithReplay
})

/** What fast-check reports, and the command that runs the smallest failing case again. */
function failWithReplay(result: RunDetails<unknown>): void {
  if (!result.failed) return
  const { testPath = '', currentTestName = '' } = expect.getState()
  const file = relative(process.cwd(), testPath)
  // Vitest takes the title as a regular expression.
  const title = (currentTestName.split(' > ').at(-1) ?? '').replaceAll(/[^\w\s,:;%-]/g, '.')
  const again = `FC_SEED=${result.seed} FC_PATH=${result.counterexamplePath ?? '0'}`
  throw new Error(
    `${fc.defaultReportMessage(result) ?? 'The property failed'}\n\nRun this case again:\n  ${again} npm test -- ${file} -t ${JSON.stringify(title)}`,
    { cause: result.errorInstance ?? undefined }
  )
}
