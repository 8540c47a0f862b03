// What a changeset becomes in a changelog: its text as it was written, and one line for all packages of ours that moved with it.

export default {
  getReleaseLine: ({ summary }) => `- ${summary.trim().replaceAll('\n', '\n  ')}`,
  getDependencyReleaseLine: (_changesets, dependencies) => {
    const names = dependencies.map(({ name, newVersion }) => `${name} ${newVersion}`)
    return names.length === 0 ? '' : `- With ${names.join(', ')}.`
  }
}
