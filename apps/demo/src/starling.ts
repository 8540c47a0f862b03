#!/usr/bin/env node
// `starling`: the command line.
import { main } from './commands/main.ts'

process.exitCode = await main(process.argv.slice(2))
