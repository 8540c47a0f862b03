// Opens the store in argv[2], says whether it could, and holds it until standard input ends. Runs the build.
import { openStore } from '../../dist/index.js'

try {
  const store = await openStore({ directory: process.argv[2] })
  process.stdout.write('open\n')
  process.stdin.resume()
  process.stdin.on('end', () => void store.close())
} catch (error) {
  process.stdout.write(`${error.name} ${error.pid}\n`)
}
