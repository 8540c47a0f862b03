import { muxBehaviour } from './support/behaviour.ts'
import { setups } from './support/setup.ts'

muxBehaviour('QUIC', setups.QUIC)
