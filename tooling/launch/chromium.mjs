import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The Chromium to run the browser suite in: `CHROMIUM_PATH`, or `chromium` on the path; undefined when there is none. */
export function findChromium(env = process.env) {
  const named = env.CHROMIUM_PATH
  if (named !== undefined && named !== '') return runs(named) ? named : undefined
  return (env.PATH ?? '')
    .split(delimiter)
    .filter(folder => folder !== '')
    .map(folder => join(folder, 'chromium'))
    .find(runs)
}

function runs(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
