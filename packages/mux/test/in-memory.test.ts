import { muxBehaviour } from './support/behaviour.ts'
import { setups } from './support/setup.ts'

muxBehaviour('an in-memory connection', setups['in memory'])
