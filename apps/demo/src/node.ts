// `npm run node`: one node with a prompt; two terminals make a cluster.
import { main } from './commands/main.ts'

process.exitCode = await main(['node', ...process.argv.slice(2)])
