// Opens classic-level in argv[2], says whether it could, and closes it.
import { ClassicLevel } from 'classic-level'

const database = new ClassicLevel(process.argv[2])
try {
  await database.open()
  await database.close()
  console.log('open')
} catch (error) {
  console.log(error.cause?.code ?? String(error))
}
