import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { repositoryRoot } from '../support/repository.js'

/** Lines with a mistake, and the types that the compiler has to name: what comes, and what is wanted. */
const mistakes: Readonly<Record<string, readonly [line: string, ...named: string[]]>> = {
  'a function that takes something else': [
    'flow([1]).map(String).map((n: number) => n)',
    '(n: number) => number',
    "'string' is not assignable to type 'number'",
  ],
  'a filter for something else': [
    "flow(['a']).filter((n: number) => n > 1)",
    "'string' is not assignable to type 'number'",
  ],
  'a part that is not there': ["flow(['a']).map((text) => text.size)", "'size' does not exist on type 'string'"],
  'a part of what a stage before it gives': [
    "flow(['a']).map((text) => ({ text })).map((one) => one.title)",
    "'title' does not exist on type '{ text: string; }'",
  ],
  'one item of a list': ['flow([1]).batch(2).map((n: number) => n)', "'number[]' is not assignable to type 'number'"],
  'stages for something else': [
    "flow(['a']).pipe(flow<number>().map((n) => n + 1))",
    'Flow<number, number>',
    'Flow<string, never>',
  ],
  'an input for something else': ["flow<number>().toArray(['a'])", "Type 'string' is not assignable to type 'number'"],
  'a state without that part': [
    'flow([1]).map((n, { state }) => n + state.less, { onStart: () => ({ more: 1 }) })',
    "'less' does not exist on type '{ more: number; }'",
  ],
  'an option that there is not': ['flow([1]).map((n) => n, { wrokers: 2 })', "'wrokers'", "'workers'"],
  'a value for an option': ["flow([1]).map((n) => n, { onError: 'ignore' })", '"ignore"', '"skip"'],
  'a pypeln stage for something else': [
    "pl.task.map((n: number) => n, ['a'])",
    "'string[]' is not assignable to parameter of type 'Source<number>'",
  ],
  'a pypeln partial for something else': [
    'pl.pipe([1], pl.task.map(String), pl.task.map((n: number) => n))',
    "'Flow<string, never>' is not assignable to type 'Flow<number, never>'",
  ],
}

const root = fileURLToPath(repositoryRoot)
const entries = Object.entries(mistakes)
let folder = ''
let complaints: readonly string[] = []

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pipelines-types-'))
  const imports = "import { flow } from '@pipelines/flow'; import * as pl from '@pipelines/flow/pypeln'"
  writeFileSync(join(folder, 'mistakes.ts'), [imports, ...entries.map(([, [line]]) => line)].join('\n'))
  complaints = complaintsOf(folder, entries.length)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What the compiler says, line by line. */
function complaintsOf(project: string, lines: number): string[] {
  const types = join(root, 'packages/flow/dist')
  const compilerOptions = {
    noEmit: true,
    composite: false,
    declaration: false,
    declarationMap: false,
    isolatedDeclarations: false,
    module: 'esnext',
    moduleResolution: 'bundler',
    typeRoots: [join(root, 'node_modules/@types')],
    paths: { '@pipelines/flow': [join(types, 'index.d.ts')], '@pipelines/flow/pypeln': [join(types, 'pypeln.d.ts')] },
  }
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.base.json'), compilerOptions }),
  )
  const blocks = compiled(project).split(/^mistakes\.ts\(/m)
  return Array.from({ length: lines }, (_, line) =>
    blocks.filter((block) => block.startsWith(`${line + 2},`)).join('\n'),
  )
}

function compiled(project: string): string {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  try {
    execFileSync(process.execPath, [compiler, '-p', 'tsconfig.json', '--pretty', 'false'], {
      cwd: project,
      encoding: 'utf8',
      stdio: 'pipe',
    })
    return ''
  } catch (error) {
    return error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)
  }
}

test.each(entries.map(([what, [line, ...named]], place) => ({ what, line, named, place })))(
  '$what is an error that names both',
  ({ named, place }) => {
    for (const text of named) expect(complaints[place]).toContain(text)
  },
)
