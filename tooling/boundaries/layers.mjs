// Who may import whom. One table, read by the linter's configuration and by the tests of this folder.

/** @typedef {{ layer: number, pure?: boolean, mayImport: readonly string[], devMayImport?: readonly string[] }} PackageRules */

/** @type {Readonly<Record<string, PackageRules>>} */
export const packages = {
  ports: { layer: 0, mayImport: [] },
  codec: { layer: 0, pure: true, mayImport: ['ports'] },
  hlc: { layer: 1, pure: true, mayImport: ['codec', 'ports'] },
  reconcile: { layer: 1, pure: true, mayImport: ['codec', 'ports'] },
  ormap: { layer: 1, pure: true, mayImport: ['codec', 'hlc', 'reconcile', 'ports'] },
  hyparview: { layer: 1, pure: true, mayImport: ['codec', 'ports'] },
  plumtree: { layer: 1, pure: true, mayImport: ['codec', 'ports'] },
  sim: { layer: 1, pure: true, mayImport: ['ports'] },
  log: { layer: 2, mayImport: ['codec', 'ports', 'reconcile'] },
  mux: { layer: 2, mayImport: ['codec', 'ports'] },
  peers: { layer: 3, mayImport: ['mux', 'ports', 'codec'] },
  gossip: { layer: 3, mayImport: ['hyparview', 'plumtree', 'ports', 'codec'] },
  sync: { layer: 3, mayImport: ['ports', 'codec'] },
  replica: { layer: 3, mayImport: ['ormap', 'hlc', 'reconcile', 'ports', 'codec'] },
  map: { layer: 4, mayImport: ['replica', 'ormap', 'hlc', 'codec', 'ports'] },
  node: {
    layer: 5,
    mayImport: [
      'ports',
      'codec',
      'hlc',
      'reconcile',
      'ormap',
      'log',
      'mux',
      'peers',
      'hyparview',
      'plumtree',
      'gossip',
      'sync',
      'replica',
      'map'
    ]
  }
}

/** Packages that only their own types may be taken from, never code: importer → imported. */
export const typesOnly = { map: ['replica'] }

/** Outside libraries that only `node`, the apps, the tooling and tests may import: everyone else sees interfaces. */
export const nodeOnlyLibraries = [
  'libp2p',
  '@chainsafe/libp2p-quic',
  '@chainsafe/libp2p-noise',
  '@chainsafe/libp2p-yamux',
  '@libp2p/tcp'
]

/** What a pure package cannot name: the compiler leaves these types out, and the linter says why. */
export const impureGlobals = [
  'AbortController',
  'AbortSignal',
  'Buffer',
  'clearImmediate',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'Date',
  'fetch',
  'performance',
  'process',
  'queueMicrotask',
  'setImmediate',
  'setInterval',
  'setTimeout'
]

/** What a driver takes through its ports instead. */
export const portedGlobals = ['Date', 'performance', 'setInterval', 'setTimeout', 'setImmediate', 'crypto']
