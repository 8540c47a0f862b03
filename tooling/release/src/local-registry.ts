import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename } from 'node:path'
import type { PackedPackage } from './pack.ts'

export interface LocalRegistry {
  /** For `@starling:registry=` in an `.npmrc`. */
  readonly url: string
  readonly close: () => Promise<void>
}

/**
 * Serves packed packages as a registry does, on loopback, so that an installer finds them in the very way it will after they are
 * published. It knows one version of each.
 */
export async function startRegistry(packages: readonly PackedPackage[]): Promise<LocalRegistry> {
  // An installer caches by address; a tarball of today must not be taken for one of yesterday under the same version.
  const prefix = `/${randomUUID()}/`
  const byName = new Map(packages.map(each => [each.name, each]))
  const byTarball = new Map(packages.map(each => [basename(each.tarball), each]))
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '')
    const rest = path.startsWith(prefix) ? path.slice(prefix.length) : ''
    const described = byName.get(rest)
    const packed = byTarball.get(rest.replace(/^tarballs\//u, ''))
    if (described !== undefined) {
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      response.end(JSON.stringify(document(described, url)))
    } else if (packed !== undefined) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      createReadStream(packed.tarball).pipe(response)
    } else {
      response.writeHead(404, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: `there is no ${rest} here` }))
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`
  return {
    url,
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>(resolve => {
        server.close(() => resolve())
      })
    }
  }
}

/** What a registry says about one package. */
function document({ name, manifest, tarball, integrity }: PackedPackage, url: string): unknown {
  const { version } = manifest
  const dist = { tarball: `${url}tarballs/${basename(tarball)}`, integrity }
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } }
}
