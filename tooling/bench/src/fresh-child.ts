/** The other end of `runFresh`: imports the module it is told, lets it measure, answers and ends. */
import process from 'node:process'
import type { FreshAnswer, FreshModule, FreshRequest } from './fresh-process.ts'
import { messageOf } from './rounds.ts'

process.once('message', (request: FreshRequest) => {
  void answer(request)
})

async function answer({ module, input }: FreshRequest): Promise<void> {
  let result: FreshAnswer
  try {
    const { measure } = (await import(module)) as FreshModule<unknown, unknown>
    result = { output: await measure(input) }
  } catch (error) {
    result = { error: messageOf(error) }
  }
  process.send?.(result, undefined, {}, () => process.disconnect())
}
