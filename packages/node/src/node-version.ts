/** The oldest Node.js everything here runs on: the QUIC binding asks for 22, and the store's checksums came with 22.2. */
const OLDEST = [22, 2] as const

/** What is wrong with this version of Node.js, in one sentence; `undefined` when it is new enough. */
export function nodeVersionProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return undefined
  return `Starling needs Node.js ${OLDEST.join('.')} or newer, and this is ${version}: start this program with a newer Node.js.`
}

// Checked while this package is being imported, and before anything that would fail less clearly on an older Node.js.
const problem = nodeVersionProblem(process.versions.node)
if (problem !== undefined) throw new Error(problem)
