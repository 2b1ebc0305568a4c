import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { repositoryRoot } from '../support/repository.js'
import { type Example, ExampleFiles, examplesOf } from './examples.js'
import { pageOf, readPages } from './markdown.js'
import { programsOf, workerPages } from './worker-examples.js'

const root = fileURLToPath(repositoryRoot)
const folders: ExampleFiles[] = []
afterAll(() => {
  for (const files of folders) files.remove()
})

/** What the compiler says of examples, with the strictness that our own code is held to. */
function complaints(examples: readonly Example[]): string {
  const files = new ExampleFiles()
  folders.push(files)
  for (const example of examples) files.write(example)
  const project = join(files.folder, 'tsconfig.json')
  const compilerOptions = {
    noEmit: true,
    composite: false,
    declaration: false,
    declarationMap: false,
    isolatedDeclarations: false,
    // Examples are files without a package.json around them.
    module: 'esnext',
    moduleResolution: 'bundler',
    typeRoots: [join(root, 'node_modules/@types')],
    paths: sources(),
  }
  writeFileSync(project, JSON.stringify({ extends: join(root, 'tsconfig.base.json'), compilerOptions }))
  try {
    execFileSync(process.execPath, [compiler(), '-p', project, '--pretty', 'false'], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
    return ''
  } catch (error) {
    return error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)
  }
}

/** Every export of every package, and the source that it is made from. */
function sources(): Record<string, string[]> {
  const packages = readdirSync(join(root, 'packages')).map((folder) => join(root, 'packages', folder))
  const entries = packages.flatMap((folder) => {
    const { name, exports }: Manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return Object.entries(exports).map(([subpath, target]) => {
      const file = typeof target === 'string' ? target : target.default
      const source = file.replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts')
      return [`${name}${subpath.slice(1)}`, [join(folder, source)]] satisfies [string, string[]]
    })
  })
  return Object.fromEntries(entries)
}

interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
}

function compiler(): string {
  return join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
}

test('every block of TypeScript has the types that it says', () => {
  const examples = [...readPages().flatMap(examplesOf), ...workerPages().flatMap(programsOf)]
  expect(examples.length).toBeGreaterThan(20)
  expect(complaints(examples.filter(({ language }) => language === 'ts'))).toBe('')
})

test('a block with a wrong type would be found', () => {
  const code = '```ts\nimport { DROP } from "@pipelines/core"\nconst text: string = DROP\nconsole.log(text)\n```'
  expect(complaints(examplesOf(pageOf('wrong.md', code)))).toMatch(/wrong\.md--2\.ts\(3,7\): error TS2322/)
})
