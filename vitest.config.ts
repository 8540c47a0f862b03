import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { findChromium } from './tooling/launch/chromium.mjs'
import { mutantPlugin } from './tooling/mutation/plugin.mjs'

const root = import.meta.dirname

/**
 * Packages whose tests start no process, open no file or socket and change nothing global: their files share one worker and what it
 * has loaded. That saves two fifths of their processor time (measured).
 */
const sharing = ['hlc', 'hyparview', 'map', 'ormap', 'plumtree', 'reconcile', 'replica', 'sim', 'sync']

/**
 * Packages whose tests need nothing but a processor: two of their files run at one time, before all others. The others start processes,
 * bind sockets and wait for disks, and run one at a time, so that none is late because of another.
 */
const computing = [...sharing, 'boundaries', 'codec', 'gossip', 'mutation', 'ports', 'scenarios']

function schedule(name: string): { readonly maxWorkers: number; readonly sequence: { groupOrder: number } } {
  const computes = computing.includes(name)
  return { maxWorkers: computes ? 2 : 1, sequence: { groupOrder: computes ? 0 : 1 } }
}

/** Every folder that has tests is a project named after it, so `vitest --project hlc` runs one package. */
const projects = ['packages', 'apps', 'tooling'].flatMap(group =>
  readdirSync(join(root, group))
    .filter(name => existsSync(join(root, group, name, 'test')))
    .map(name => ({
      extends: true as const,
      root: join(root, group, name),
      test: {
        name,
        include: ['test/**/*.test.ts'],
        setupFiles: [join(root, 'tooling/vitest/setup.ts')],
        isolate: !sharing.includes(name),
        ...schedule(name)
      }
    }))
)

/** The dashboard: its model, and the pages in a real browser where there is one. */
const web = {
  extends: true as const,
  root: join(root, 'apps/demo/web'),
  test: {
    name: 'web',
    include: ['test/**/*.test.ts'],
    exclude: findChromium() === undefined ? ['**/*.browser.test.ts'] : [],
    setupFiles: [join(root, 'tooling/vitest/setup.ts')],
    ...schedule('web')
  }
}

// `npm run mutants` sets it, to see the tests fail.
const { STARLING_MUTANT: mutant } = process.env

export default defineConfig({
  plugins: mutant === undefined ? [] : [mutantPlugin(mutant)],
  resolve: {
    // Tests run on the sources, so that a test never passes on a stale build. Child processes run the build.
    alias: [
      { find: /^@starling\/([a-z]+)$/, replacement: join(root, 'packages/$1/src/index.ts') },
      { find: /^@starling\/([a-z]+)\/([a-z-]+)$/, replacement: join(root, 'packages/$1/src/$2.ts') }
    ]
  },
  // A mutated source must neither come from the cache nor go into it.
  test: {
    fsModuleCache: mutant === undefined,
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [...projects, web]
  }
})
