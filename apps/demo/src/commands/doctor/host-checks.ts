import { createSocket } from 'node:dgram'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { failed, ok, skipped, warning, type Finding } from './check.ts'

/** The oldest Node a node runs on. */
const NODE_MAJOR_MIN = 22
/**
 * Receive buffer below which a burst of a catch-up may lose packets, bytes. Source: a guess, ten times the 200 packets of 1,200 bytes that
 * a transfer at full speed sends within a scheduling pause of a busy machine; QUIC sends again what was lost, so this is about speed.
 */
const RECEIVE_BUFFER_BYTES = 2_500_000

export function nodeVersion(version: string = process.versions.node): Finding {
  const major = Number(version.split('.')[0])
  return major >= NODE_MAJOR_MIN
    ? ok('node version', version)
    : failed('node version', version, `Install Node.js ${NODE_MAJOR_MIN} or newer.`)
}

export function udpPort(port: number): Promise<Finding> {
  const check = `udp port ${port}`
  return new Promise(resolve => {
    const socket = createSocket('udp4')
    socket.once('error', error => {
      const advice = 'Stop what uses it, or let the node listen on another port.'
      resolve(failed(check, error.message, advice))
    })
    socket.bind(port, () => socket.close(() => resolve(ok(check, 'free'))))
  })
}

export function tcpPort(port: number): Promise<Finding> {
  const check = `http port ${port}`
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', error => {
      resolve(failed(check, error.message, 'Stop what uses it, or take another with --http-port.'))
    })
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(ok(check, 'free'))))
  })
}

/** The buffer a socket gets by itself: the QUIC binding asks for no other. */
export async function udpBuffers(): Promise<Finding> {
  const check = 'udp buffers'
  if (process.platform !== 'linux') return skipped(check, 'known for Linux only')
  const text = await readFile('/proc/sys/net/core/rmem_default', 'utf8').catch(() => undefined)
  if (text === undefined) return skipped(check, 'the kernel does not tell')
  const bytes = Number(text)
  const found = `sockets receive into ${bytes} bytes`
  if (bytes >= RECEIVE_BUFFER_BYTES) return ok(check, found)
  return warning(
    check,
    found,
    `Fine for small maps. For fast catch-ups of large ones: sysctl -w net.core.rmem_default=${RECEIVE_BUFFER_BYTES} net.core.wmem_default=${RECEIVE_BUFFER_BYTES}`
  )
}

/** The addresses other hosts could reach this one at. */
export function addresses(
  interfaces: NodeJS.Dict<
    readonly { address: string; internal: boolean; family: string }[]
  > = networkInterfaces()
): Finding {
  const reachable = Object.values(interfaces)
    .flatMap(each => each ?? [])
    .filter(({ internal, address }) => !internal && !address.toLowerCase().startsWith('fe80:'))
    .map(({ address }) => address)
  if (reachable.length > 0) return ok('addresses', reachable.join(', '))
  return warning(
    'addresses',
    'only loopback',
    'Nodes on this host reach each other; others need an address here, or one to announce (announce option).'
  )
}
