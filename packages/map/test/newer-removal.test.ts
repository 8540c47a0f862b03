import { expect, test } from 'vitest'
import { gossip, HeldLog, openMap } from './support/open.ts'

test('a set after a removal from a clock ahead of ours is the value here, there, and after opening again', async () => {
  const ours = await openMap<string>({ name: 'ours' })
  const ahead = await openMap<string>({ name: 'ahead', startMs: ours.clock.ms + 30_000 })
  await ours.map.set('k', 'first')
  gossip(ours, ahead)
  await ahead.map.delete('k')
  gossip(ours, ahead)
  expect(ours.map.has('k')).toBe(false)

  await ours.map.set('k', 'again')
  expect(ours.map.get('k')).toBe('again')
  gossip(ours, ahead)
  expect([ahead.map.get('k'), ahead.map.conflicts('k').length]).toEqual(['again', 1])
  expect(ahead.replica.root()).toEqual(ours.replica.root())
  await ours.map.close()
  const reopened = await openMap<string>({ name: 'reopened', log: new HeldLog(ours.log.rows) })
  expect(reopened.map.get('k')).toBe('again')
})
