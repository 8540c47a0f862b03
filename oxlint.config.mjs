import {
  impureGlobals,
  nodeOnlyLibraries,
  packages,
  portedGlobals,
  typesOnly
} from './tooling/boundaries/layers.mjs'

const allPackages = Object.keys(packages)

/** The rules of one package's sources: imports go down the layers, time and chance come through ports. */
function boundary(name) {
  const { pure, mayImport } = packages[name]
  const forbidden = allPackages.filter(other => other !== name && !mayImport.includes(other))
  const deep = {
    group: ['@starling/*/src/**', '@starling/*/dist/**'],
    message: 'Import what the package exports.'
  }
  const layer =
    forbidden.length === 0
      ? []
      : [
          {
            group: forbidden.flatMap(other => [`@starling/${other}`, `@starling/${other}/*`]),
            message: `@starling/${name} may import ${mayImport.length === 0 ? 'no other package' : mayImport.join(', ')} only.`
          }
        ]
  const self =
    name === 'node'
      ? []
      : [
          {
            group: nodeOnlyLibraries,
            message: 'Only node, apps and tooling import libp2p itself; depend on @libp2p/interface.'
          }
        ]
  const platform = pure
    ? [
        {
          group: ['node:*', 'fs', 'crypto', 'timers', 'os', 'net'],
          message: 'A pure package has no platform: take what is needed as an argument.'
        }
      ]
    : []
  // The two libp2p services default to the system's ports, as a libp2p node that knows nothing of Starling expects.
  const system = ['ports', 'node', 'mux', 'peers'].includes(name)
    ? []
    : [
        {
          group: ['@starling/ports/system'],
          message: 'Ports are handed in; only node and the two libp2p services take the system’s.'
        }
      ]
  const types = (typesOnly[name] ?? []).map(other => ({
    group: [`@starling/${other}`],
    allowTypeImports: true,
    message: `@starling/${name} takes only types from @starling/${other}.`
  }))
  const globals = pure ? impureGlobals : portedGlobals
  const own = name === 'ports'
  return {
    files: [`packages/${name}/src/**`],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [deep, ...layer, ...self, ...platform, ...system, ...types] }
      ],
      ...(own
        ? {}
        : {
            'no-restricted-globals': [
              'error',
              ...globals.map(global => ({ name: global, message: 'Time, chance and IO come through ports.' }))
            ],
            'no-restricted-properties': [
              'error',
              { object: 'Math', property: 'random', message: 'Take a Random.' }
            ]
          }),
      'no-console': 'error'
    }
  }
}

export default {
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'promise'],
  options: { typeAware: true },
  categories: { correctness: 'error', suspicious: 'error' },
  ignorePatterns: ['**/dist/**'],
  rules: {
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/consistent-type-imports': 'error',
    'import/no-cycle': 'error',
    'import/no-default-export': 'error',
    'import/no-unassigned-import': 'off',
    'import/no-named-as-default-member': 'off',
    'typescript/restrict-template-expressions': 'off',
    eqeqeq: ['error', 'always', { null: 'ignore' }],
    // These contradict how this code is written on purpose.
    'no-shadow': 'off',
    'no-underscore-dangle': 'off',
    'no-await-in-loop': 'off',
    'unicorn/no-array-sort': 'off',
    'unicorn/no-array-reverse': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'unicorn/prefer-add-event-listener': 'off',
    'unicorn/require-module-specifiers': 'off',
    'promise/always-return': 'off',
    // A copy of a collection that the loop changes is no useless spread, and a worker is no window.
    'unicorn/no-useless-spread': 'off',
    'unicorn/require-post-message-target-origin': 'off',
    'typescript/no-unnecessary-boolean-literal-compare': 'off',
    'typescript/consistent-return': 'off',
    'consistent-return': 'off',
    'typescript/require-array-sort-compare': 'off',
    'promise/no-multiple-resolved': 'off',
    'typescript/no-unsafe-type-assertion': 'off',
    'typescript/no-unnecessary-type-arguments': 'off',
    'no-unmodified-loop-condition': 'off'
  },
  overrides: [
    ...allPackages.map(boundary),
    {
      files: ['*.config.{ts,mjs}', 'tooling/**/*.mjs', '.changeset/*.mjs'],
      rules: { 'import/no-default-export': 'off' }
    },
    {
      files: ['**/test/**'],
      rules: {
        'typescript/no-floating-promises': 'error',
        'typescript/unbound-method': 'off',
        // The linter finds no compiler settings for tests, so it takes needed assertions for needless ones.
        'typescript/no-unnecessary-type-assertion': 'off'
      }
    }
  ]
}
