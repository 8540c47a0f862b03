import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { ROOT } from '../src/public-packages.ts'

// Goal: the workflows can do what they say and no more. Method: each file is parsed and read as GitHub reads it. That they run is
// seen only there.

type Permissions = Readonly<Record<string, string>>

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}

interface Job {
  readonly 'timeout-minutes'?: number
  readonly permissions?: Permissions
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly unknown[]>> }
  readonly steps: readonly Step[]
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>
  readonly permissions: Permissions
  readonly jobs: Readonly<Record<string, Job>>
}

/** What a job may do beyond reading the repository. */
const GRANTED: Readonly<Record<string, Permissions>> = {
  'release.yml/version': { contents: 'write', 'pull-requests': 'write' },
  'release.yml/publish': { contents: 'write', 'id-token': 'write' }
}

const folder = join(ROOT, '.github/workflows')
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Readonly<Record<string, string>>
}
const workflows = readdirSync(folder).map(name => {
  const text = readFileSync(join(folder, name), 'utf8')
  return { name, text, workflow: parse(text) as Workflow }
})
const jobs = workflows.flatMap(({ name, workflow }) =>
  Object.entries(workflow.jobs).map(([id, job]) => ({ id: `${name}/${id}`, job, workflow }))
)

/** The root scripts that a step's command calls. */
function scriptsIn(command: string): string[] {
  return [...command.matchAll(/\bnpm (?:run (?<script>[\w:]+)|(?<test>test))/gu)].map(
    ({ groups }) => groups?.['script'] ?? groups?.['test'] ?? ''
  )
}

test('there are the three workflows', () => {
  expect(workflows.map(({ name }) => name)).toEqual(['ci.yml', 'nightly.yml', 'release.yml'])
})

describe.each(workflows)('$name', ({ text, workflow }) => {
  test('is not run with the rights of the target of a pull request', () => {
    expect(Object.keys(workflow.on).filter(event => /target|workflow_run|issue/u.test(event))).toEqual([])
  })

  test('grants nothing, or reading, to begin with', () => {
    expect([{}, { contents: 'read' }]).toContainEqual(workflow.permissions)
  })

  test('takes every action by the hash of a commit, and says which version that is', () => {
    const lines = text.split('\n').filter(line => /^\s+(?:- )?uses:/u.test(line))
    expect(lines.length).toBeGreaterThan(0)
    const pinned = /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/u
    expect(lines.filter(line => !pinned.test(line))).toEqual([])
  })
})

describe.each(jobs)('$id', ({ id, job }) => {
  test('has a time limit and no right that is not granted here', () => {
    expect(job['timeout-minutes']).toBeGreaterThan(0)
    const allowed = GRANTED[id]
    if (allowed === undefined) expect([undefined, { contents: 'read' }]).toContainEqual(job.permissions)
    else expect(job.permissions).toEqual(allowed)
  })

  test('calls scripts that exist', () => {
    const commands = job.steps.flatMap(step => [step.run, step.with?.['version-script']])
    const called = commands.filter(command => typeof command === 'string')
    expect(called.length).toBeGreaterThan(0)
    for (const command of called) {
      expect(scriptsIn(command).filter(script => !Object.hasOwn(scripts, script))).toEqual([])
      for (const [file] of command.matchAll(/\.\/[\w./-]+/gu)) accessSync(join(ROOT, file), constants.X_OK)
      expect(scriptsIn(command).length > 0 || /^(?:\.\/|git push --tags$)/u.test(command), command).toBe(true)
    }
  })

  test('puts nothing into a command that somebody else could have written', () => {
    const names = Object.keys(job.strategy?.matrix ?? {}).map(name => `matrix.${name}`)
    const put = job.steps.flatMap(({ run = '' }) => [...run.matchAll(/\$\{\{(?<what>[^}]*)\}\}/gu)])
    expect(
      put.map(match => match.groups?.['what']?.trim()).filter(what => !names.includes(what ?? ''))
    ).toEqual([])
  })

  test('leaves no credentials in the checkout, but where tags are pushed', () => {
    const checkouts = job.steps.filter(step => step.uses?.startsWith('actions/checkout@') === true)
    expect(checkouts).toHaveLength(1)
    const kept = checkouts[0]?.with?.['persist-credentials'] ?? true
    expect(kept).toBe(id === 'release.yml/publish')
  })
})

test('the projects and stages that are named are there', () => {
  const text = workflows.map(each => each.text).join('\n')
  const projects = [...text.matchAll(/--project (?<name>[a-z]+)/gu)].map(
    match => match.groups?.['name'] ?? ''
  )
  expect(projects.length).toBeGreaterThan(5)
  expect(projects.filter(name => !existsSync(join(ROOT, 'packages', name, 'test')))).toEqual([])
  const deep = readFileSync(join(ROOT, 'tooling/launch/test-deep.mjs'), 'utf8')
  const stages = jobs.find(({ id }) => id === 'nightly.yml/deep')?.job.strategy?.matrix['stage'] ?? []
  expect(stages).toEqual(
    [...deep.matchAll(/^ {2}(?<name>[a-z]+): \{$/gmu)].map(match => match.groups?.['name'])
  )
})
