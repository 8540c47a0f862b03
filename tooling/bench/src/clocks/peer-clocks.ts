import type { ClockContender } from './clock-contender.ts'

export async function createConsentoClock(): Promise<ClockContender> {
  const { default: HLC } = await import('@consento/hlc')
  const clock = new HLC()
  const stamp = new HLC().now()
  return {
    now(count) {
      for (let i = 0; i < count; i++) clock.now()
    },
    receive(count) {
      for (let i = 0; i < count; i++) clock.update(stamp)
    }
  }
}

export async function createTinybaseClock(): Promise<ClockContender> {
  const { getHlcFunctions } = await import('tinybase')
  const [getNextHlc, seenHlc] = getHlcFunctions('ours')
  const [theirNext] = getHlcFunctions('theirs')
  const stamp = theirNext()
  return {
    now(count) {
      for (let i = 0; i < count; i++) getNextHlc()
    },
    receive(count) {
      for (let i = 0; i < count; i++) seenHlc(stamp)
    }
  }
}
