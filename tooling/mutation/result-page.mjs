/** Whether a mutant ended as it must: a control survives, every other is killed. */
export function isRight({ mutant, verdict }) {
  return verdict === (mutant.control ? 'survived' : 'killed')
}

/** The page with what became of each mutant. */
export function resultPage(results) {
  const rows = results.map(({ mutant, verdict, killedBy = '' }) => {
    const cells = [mutant.area, mutant.id, mutant.what, `\`${mutant.file}\``, verdict, killedBy]
    return `| ${cells.map(cell => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  })
  const killed = results.filter(({ verdict }) => verdict === 'killed').length
  const controls = results.filter(({ mutant }) => mutant.control).length
  return `# Mutants

A checker that never failed proves nothing. Each line breaks one rule in the sources and runs the tests that should notice.
Written by \`npm run mutants\`; the last whole run: ${killed} of ${results.length - controls} killed.

| area | mutant | what is broken | where | result | by the test |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}
