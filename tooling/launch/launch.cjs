// The first step of every root script. It must start on any Node that people still have, so it is written in the oldest
// JavaScript that does the job, and only decides which Node runs the second step (set-up.mjs).
'use strict'
var childProcess = require('child_process')
var path = require('path')

var OLDEST_TO_START = 20
var NEEDED = [22, 13]
var NODE_TO_FETCH = 'node@24.21.0'

var version = process.versions.node.split('.').map(Number)
if (version[0] < OLDEST_TO_START) {
  console.error(
    'Starling needs Node.js ' +
      OLDEST_TO_START +
      ' or newer to set itself up, and this is ' +
      process.version +
      ': install a newer Node.js and run the command again.'
  )
  process.exit(2)
}

var fits = version[0] > NEEDED[0] || (version[0] === NEEDED[0] && version[1] >= NEEDED[1])
var secondStep = [path.join(__dirname, 'set-up.mjs')].concat(process.argv.slice(2))
var command = fits ? process.execPath : 'npx'
var args = fits ? secondStep : ['--yes', '--package=' + NODE_TO_FETCH, '--', 'node'].concat(secondStep)

if (!fits) console.error('This is Node.js ' + process.version + '; bringing ' + NODE_TO_FETCH + ' from npm.')

var child = childProcess.spawn(command, args, {
  stdio: 'inherit',
  shell: !fits && process.platform === 'win32'
})
// Ctrl-C reaches the whole foreground group by itself: this process only has to outlive its child and report its end.
process.on('SIGINT', function () {})
process.on('SIGTERM', function () {
  child.kill('SIGTERM')
})
child.on('error', function (error) {
  console.error(
    'Could not start ' + command + ' (' + error.message + '): it comes with npm, which Starling needs.'
  )
  process.exit(2)
})
child.on('exit', function (code, signal) {
  process.exit(code === null ? (signal === 'SIGINT' ? 130 : 143) : code)
})
