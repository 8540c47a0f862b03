/** Whether a mutant ended as it must: a control survives, every other is killed. */
export function isRight({ mutant, verdict }) {
  return verdict === (mutant.control ? 'survived' : 'killed')
}

/** The page with what became of each mutant; who was not run keeps the line of the page before. */
export function resultPage(mutants, results, before = '') {
  const kept = new Map(before.split('\n').map(line => [line.split(' | ')[1], line]))
  const rows = mutants.flatMap(mutant => {
    const result = results.find(one => one.mutant.id === mutant.id)
    return result === undefined ? (kept.get(mutant.id) ?? []) : rowOf(result)
  })
  return `# Mutants

A checker that never failed proves nothing. Each line breaks one rule in the sources and runs the tests that should notice.
Written by \`npm run mutants\`, which leaves the lines of those it was not asked to run.

| area | mutant | what is broken | where | result | by the test |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}

function rowOf({ mutant, verdict, killedBy = '' }) {
  const cells = [mutant.area, mutant.id, mutant.what, `\`${mutant.file}\``, verdict, killedBy]
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
}
