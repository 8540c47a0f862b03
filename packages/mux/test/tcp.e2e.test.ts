import { muxBehaviour } from './support/behaviour.ts'
import { setups } from './support/setup.ts'

muxBehaviour('TCP, noise and yamux', setups['TCP, noise and yamux'])
