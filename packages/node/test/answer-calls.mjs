/** Answers what the test asks over IPC with what these functions return or throw. */
export function answerCalls(methods) {
  const answer = async ({ id, method, args }) => {
    try {
      const value = await methods[method](...args)
      if (process.connected) process.send({ id, value })
    } catch (error) {
      if (process.connected) process.send({ id, error: { name: error.name, message: error.message } })
    }
  }
  process.on('message', request => void answer(request))
}
