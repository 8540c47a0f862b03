import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Command } from '../../../apps/demo/src/commands/command.ts'
import { EXIT_HELP } from '../../../apps/demo/src/commands/exit-code.ts'
import { COMMANDS } from '../../../apps/demo/src/commands/main.ts'
import { ROOT } from './support/markdown.ts'

// Goal: the page of the command line is what `--help` says. Method: it is written from the commands themselves and compared;
// `npm test -- --project readme command-line -u` writes it anew.

const HEAD = `# The command line

\`starling\` runs nodes and a local cluster, reads and writes maps, and says what is wrong. In this repository it is \`npm run starling --\`, which sets itself
up; in an image or a service it is \`node dist/starling.js\` of \`apps/demo\`.

\`\`\`sh
npm run starling -- up                               # a local cluster, with its page
npm run starling -- set checkout-v2 '{"on":true}'    # in another terminal
npm run starling -- get checkout-v2
npm run starling -- doctor --data ./a                # ports, clock, buffers, addresses, store
\`\`\`

Commands that talk to a running node or cluster find it by \`--url\` or \`STARLING_URL\`; \`--json\` prints JSON for programs.
${EXIT_HELP.replaceAll('\n', ' ')}

This page is written from the help by a test: \`npm test -- --project readme command-line -u\` writes it anew.
`

const cell = (text: string): string => text.replaceAll('|', '\\|')

function section({ name, words, summary, options, examples }: Command): string {
  const rows = Object.entries(options).map(
    ([option, { value, repeated, help }]) =>
      `| \`--${option}${value === undefined ? '' : ` ${value}`}\` | ${cell(help)}${repeated === true ? '; may be repeated' : ''} |`
  )
  const table = rows.length === 0 ? '' : `\n| Option | What it does |\n| --- | --- |\n${rows.join('\n')}\n`
  return `\n## starling ${[name, ...words].join(' ')}\n\n${summary}\n${table}\n\`\`\`sh\n${examples.join('\n')}\n\`\`\`\n`
}

test('the page of the command line is what the help says', async () => {
  expect(COMMANDS.length).toBeGreaterThan(5)
  const page = HEAD + COMMANDS.map(section).join('')
  await expect(page).toMatchFileSnapshot(join(ROOT, 'docs/reference/command-line.md'))
})
