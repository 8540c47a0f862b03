import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const root = import.meta.dirname

/** Every folder that has tests is a project named after it, so `vitest --project hlc` runs one package. */
const projects = ['packages', 'apps', 'tooling'].flatMap(group =>
  readdirSync(join(root, group))
    .filter(name => existsSync(join(root, group, name, 'test')))
    .map(name => ({
      extends: true as const,
      root: join(root, group, name),
      test: { name, include: ['test/**/*.test.ts'], setupFiles: [join(root, 'tooling/vitest/setup.ts')] }
    }))
)

export default defineConfig({
  resolve: {
    // Tests run on the sources, so that a test never passes on a stale build. Child processes run the build.
    alias: [
      { find: /^@starling\/([a-z]+)$/, replacement: join(root, 'packages/$1/src/index.ts') },
      { find: /^@starling\/([a-z]+)\/([a-z-]+)$/, replacement: join(root, 'packages/$1/src/$2.ts') }
    ]
  },
  test: { pool: 'forks', testTimeout: 30_000, hookTimeout: 30_000, projects }
})
