import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { parseNodeOptions } from '../../../apps/demo/src/node-options.ts'
import { ROOT } from './support/markdown.ts'

// Goal: the deployment files do what docs/guide/kubernetes.md says. Method: they are parsed, their parts compared with each other, and
// the commands in them given to the command line that they call.

const read = (path: string): string => readFileSync(join(ROOT, 'deploy', path), 'utf8')

/** As much of a Kubernetes object as is looked at here. */
interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> }
  readonly spec: Record<string, never>
  readonly data?: Record<string, string>
  readonly stringData?: Record<string, string>
}
interface Container {
  readonly command: string[]
  readonly args: string[]
  readonly env: {
    readonly name: string
    readonly value?: string
    readonly valueFrom?: Record<string, { name: string; key: string }>
  }[]
  readonly ports: { readonly name: string; readonly containerPort: number; readonly protocol: string }[]
  readonly volumeMounts: { readonly name: string; readonly mountPath: string }[]
  readonly livenessProbe: {
    readonly httpGet: { path: string; port: string }
    readonly periodSeconds: number
    readonly failureThreshold: number
  }
  readonly readinessProbe: { readonly httpGet: { path: string; port: string } }
  readonly securityContext: Record<string, unknown>
}

const manifests = ['service', 'statefulset', 'config', 'secret', 'network-policy'].flatMap(name =>
  parseAllDocuments(read(`kubernetes/${name}.yaml`), { strict: true, uniqueKeys: true }).map(document => {
    if (document.errors.length > 0) throw document.errors[0] as Error
    return document.toJS() as Manifest
  })
)

function object(kind: string, name = 'starling'): Manifest {
  const found = manifests.find(each => each.kind === kind && each.metadata.name === name)
  if (found === undefined) throw new Error(`no ${kind} is named ${name}`)
  return found
}

const set = object('StatefulSet').spec as unknown as {
  serviceName: string
  podManagementPolicy: string
  selector: { matchLabels: Record<string, string> }
  template: {
    metadata: { labels: Record<string, string> }
    spec: {
      securityContext: Record<string, unknown>
      containers: Container[]
      terminationGracePeriodSeconds: number
    }
  }
  volumeClaimTemplates: { metadata: { name: string } }[]
}
const [container] = set.template.spec.containers as [Container]
const service = object('Service').spec as unknown as {
  clusterIP: string
  publishNotReadyAddresses: boolean
  selector: Record<string, string>
  ports: { port: number; targetPort: string; protocol: string }[]
}

const ID = '12D3KooWBhV2TqzTjZ8rM7E4tWmUqPTRgAXWnuDAhEuLm3TLPZ4w'

/** A shell's words, with `$NAME`, `"$NAME"` and `${NAME:+text}` expanded, which is all that the files use. */
function words(line: string, environment: Record<string, string>): string[] {
  const of = (name: string): string => environment[name] ?? ''
  return line
    .replaceAll(/\$\{(?<name>\w+):\+(?<text>[^}]*)\}/gu, (_all, name: string, text: string) =>
      of(name) === '' ? '' : text
    )
    .replaceAll(/"?\$(?<name>\w+)"?/gu, (_all, name: string) => of(name))
    .split(/\s+/u)
    .filter(word => word !== '')
}

/** What a line gives to the node's command line, behind the program's file. */
function options(line: string, environment: Record<string, string>): string[] {
  const all = words(line, environment)
  const program = all.findIndex(word => word.endsWith('.js'))
  expect(all.slice(program, program + 2)).toEqual([expect.stringMatching(/\/dist\/starling\.js$/u), 'node'])
  return all.slice(program + 2)
}

/** The container's environment, where the ConfigMap has this id. */
function environment(id: string): Record<string, string> {
  const plain = (name: string): string => (name === 'CONTACT_ID' ? id : 'a secret of sixteen bytes or more')
  return Object.fromEntries(
    container.env.map(({ name, value }) => [name, value?.replaceAll('$(CONTACT_ID)', id) ?? plain(name)])
  )
}

describe('the files for Kubernetes', () => {
  const line = container.args.join(' ')
  const joined = parseNodeOptions(options(line, environment(ID)), environment(ID))

  test('pass options that the command line has, with a contact and without', () => {
    expect(container.command).toEqual(['/bin/sh', '-c'])
    expect(joined.headless).toBe(true)
    expect(joined.maps).toEqual(['flags'])
    expect(joined.join).toEqual([`/dns4/starling-0.starling/udp/4001/quic-v1/p2p/${ID}`])
    const alone = parseNodeOptions(options(line, environment('')), environment(''))
    expect(alone).toEqual({ ...joined, join: [] })
    expect(() => parseNodeOptions([...options(line, environment('')), '--no-such'], {})).toThrow(/no-such/u)
  })

  test('find the contact by the headless service', () => {
    const host = joined.join[0]?.split('/')[2]
    expect(host).toBe(`${object('StatefulSet').metadata.name}-0.${object('Service').metadata.name}`)
    expect(set.serviceName).toBe(object('Service').metadata.name)
    expect(service.clusterIP).toBe('None')
    // Else nobody is found before somebody is ready, and nobody is ready before somebody is found.
    expect([service.publishNotReadyAddresses, set.podManagementPolicy]).toEqual([true, 'Parallel'])
    expect(service.selector).toEqual(set.selector.matchLabels)
    expect(set.template.metadata.labels).toMatchObject(set.selector.matchLabels)
  })

  test('agree on the ports', () => {
    const port = (name: string): string => {
      const found = container.ports.find(each => each.name === name)
      return `${found?.protocol} ${found?.containerPort}`
    }
    expect(joined.listen).toEqual(['/ip4/0.0.0.0/udp/4001/quic-v1'])
    expect(joined.join[0]).toContain('/udp/4001/quic-v1/')
    expect(port('quic')).toBe('UDP 4001')
    expect(service.ports).toEqual([{ name: 'quic', port: 4001, targetPort: 'quic', protocol: 'UDP' }])
    expect(joined.http).toMatchObject({ hostname: '0.0.0.0', port: 8080, hostNames: ['starling-http'] })
    expect(port('http')).toBe('TCP 8080')
    const policy = object('NetworkPolicy').spec as unknown as { ingress: { ports: { port: string }[] }[] }
    expect(policy.ingress.flatMap(({ ports }) => ports.map(each => each.port))).toEqual(['quic', 'http'])
  })

  test('run without root, with a volume for the store, and leave time for a farewell', () => {
    expect(set.template.spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      fsGroup: 1000
    })
    expect(container.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] }
    })
    const [mount] = container.volumeMounts
    expect(mount?.mountPath).toBe(joined.dataDir)
    expect(set.volumeClaimTemplates.map(({ metadata }) => metadata.name)).toEqual([mount?.name])
    expect(set.template.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(15)
  })

  test('probe what the server answers, and do not kill for a disk that may recover', () => {
    expect(container.livenessProbe.httpGet).toEqual({ path: '/health', port: 'http' })
    expect(container.readinessProbe.httpGet).toEqual({ path: '/ready', port: 'http' })
    const { periodSeconds, failureThreshold } = container.livenessProbe
    expect(periodSeconds * failureThreshold).toBeGreaterThanOrEqual(600)
  })

  test('take secrets from the Secret and the id from the ConfigMap, and hold neither', () => {
    const sources = container.env.flatMap(({ name, valueFrom }) =>
      valueFrom === undefined ? [] : [[name, Object.keys(valueFrom)[0], Object.values(valueFrom)[0]?.key]]
    )
    expect(sources).toEqual([
      ['CONTACT_ID', 'configMapKeyRef', 'contact-id'],
      ['CLUSTER_SECRET', 'secretKeyRef', 'cluster-secret'],
      ['STARLING_TOKEN', 'secretKeyRef', 'http-token']
    ])
    expect(object('ConfigMap').data).toEqual({ 'contact-id': '' })
    expect(object('Secret').stringData).toEqual({ 'cluster-secret': '', 'http-token': '' })
    // A node does not start with an empty secret, should somebody apply the file as it is.
    expect(joined.secret.length).toBeGreaterThanOrEqual(16)
  })
})

describe('the image', () => {
  const file = read('Containerfile')

  test('starts the node on its volume, by a user that is not root', () => {
    const list = (name: string): string[] =>
      JSON.parse(
        new RegExp(`^${name} (?<list>\\[.*\\])$`, 'mu').exec(file)?.groups?.['list'] ?? '[]'
      ) as string[]
    const entry = list('ENTRYPOINT')
    const given = parseNodeOptions(options([...entry, ...list('CMD')].join(' '), {}), {
      CLUSTER_SECRET: 'a secret of sixteen bytes'
    })
    expect(given.headless).toBe(true)
    expect(given.dataDir).toBe(/^VOLUME (?<path>\S+)$/mu.exec(file)?.groups?.['path'])
    expect(/^USER (?<user>\S+)$/mu.exec(file)?.groups?.['user']).toBe('1000:1000')
    expect(file).toMatch(/^EXPOSE 4001\/udp 8080\/tcp$/mu)
    const program = entry.find(word => word.endsWith('.js'))?.replace('/app/dist/', 'apps/demo/src/')
    expect(existsSync(join(ROOT, program?.replace(/\.js$/u, '.ts') ?? ''))).toBe(true)
    expect(container.args.join(' ')).toContain(entry[1])
  })
})

describe('the service for systemd', () => {
  const unit = read('systemd/starling.service')
  const value = (name: string): string =>
    new RegExp(`^${name}=(?<value>.*)$`, 'mu').exec(unit)?.groups?.['value'] ?? ''

  test('passes options that the command line has, on its state folder', () => {
    const command = /'(?<line>.*)'$/u.exec(value('ExecStart'))?.groups?.['line']?.replaceAll('$$', '$') ?? ''
    const given = parseNodeOptions(options(command, { STATE_DIRECTORY: '/var/lib/starling' }), {
      CLUSTER_SECRET: 'a secret of sixteen bytes'
    })
    expect(given).toMatchObject({
      headless: true,
      dataDir: '/var/lib/starling',
      listen: ['/ip4/0.0.0.0/udp/4001/quic-v1']
    })
    expect(given.http?.hostname).toBe('127.0.0.1')
    expect(value('StateDirectory')).toBe('starling')
  })

  test('has a user of its own, and leaves time for a farewell', () => {
    expect(value('DynamicUser')).toBe('yes')
    expect(value('LoadCredential')).toMatch(/^cluster-secret:/u)
    expect(Number(value('TimeoutStopSec'))).toBeGreaterThanOrEqual(15)
  })
})
