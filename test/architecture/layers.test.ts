import { isBuiltin } from 'node:module'
import { describe, expect, test } from 'vitest'
import { importsOf, type Manifest, readPackages, resolveRelative, type SourcePackage } from '../support/package-tree.js'

/** Who stands on whom: a package may import packages of lower layers only. */
const LAYERS: Readonly<Record<string, number>> = {
  core: 0,
  plumber: 1,
  std: 1,
  workers: 1,
  observe: 1,
  broker: 1,
  flow: 2,
  testkit: 2,
  http: 2,
  viewer: 2,
  cli: 3,
}

const SCOPE = '@pipelines/'
const MAX_LINES = 300

/** Built-in modules that a package may import; a package that is not listed may import all of them. */
const BUILTINS: Readonly<Record<string, readonly string[]>> = {
  core: ['node:async_hooks', 'node:events', 'node:perf_hooks', 'node:timers', 'node:timers/promises', 'node:util'],
}

type Rule = (packages: readonly SourcePackage[]) => string[]

const rules: Readonly<Record<string, Rule>> = {
  'every package has a layer': (packages) =>
    packages
      .filter(({ folder }) => !Object.hasOwn(LAYERS, folder))
      .map(({ folder }) => `"${folder}" has no layer. Add it to LAYERS in this test.`),

  'packages import lower layers only': eachImport(({ owner, where, specifier }) => {
    const target = workspaceTarget(specifier)
    if (target === undefined || layer(target.folder) < layer(owner.folder)) return
    return `${where} imports "${specifier}": layer ${layer(target.folder)} from layer ${layer(owner.folder)}.`
  }),

  'packages import each other through "exports" only': eachImport(({ where, specifier, packages }) => {
    const target = workspaceTarget(specifier)
    const exports = packages.find(({ folder }) => folder === target?.folder)?.manifest.exports
    if (target === undefined || (exports !== undefined && Object.hasOwn(exports, target.subpath))) return
    return `${where} imports "${specifier}", which is not in the "exports" of ${SCOPE}${target.folder}.`
  }),

  'relative imports stay inside their package and name a file': eachImport(({ owner, where, specifier, file }) => {
    if (!specifier.startsWith('.') || owner.files.has(resolveRelative(file, specifier))) return
    return `${where} imports "${specifier}", which is no source file of this package.`
  }),

  'only declared dependencies are imported': eachImport(({ owner, where, specifier }) => {
    if (specifier.startsWith('.') || isNodeModule(specifier)) return
    if (declared(owner.manifest).has(packageName(specifier))) return
    return `${where} imports "${specifier}", which its package.json does not declare.`
  }),

  'built-in modules are those the package may use': eachImport(({ owner, where, specifier }) => {
    const allowed = Object.hasOwn(BUILTINS, owner.folder) ? BUILTINS[owner.folder] : undefined
    if (!isNodeModule(specifier) || allowed === undefined || allowed.includes(specifier)) return
    return `${where} imports "${specifier}". "${owner.folder}" may use ${allowed.join(', ')}.`
  }),

  'files of a package do not import each other in a circle': (packages) =>
    packages.flatMap((owner) => cycles(owner).map((path) => `${owner.folder}: ${path.join(' → ')}`)),

  'files are short': (packages) =>
    packages.flatMap(({ folder, files }) =>
      [...files]
        .map(([file, text]) => ({ file, lines: text.trimEnd().split('\n').length }))
        .filter(({ lines }) => lines > MAX_LINES)
        .map(({ file, lines }) => `${folder}/src/${file} has ${lines} lines; ${MAX_LINES} are allowed.`),
    ),
}

describe('the packages keep the rules', () => {
  const packages = readPackages()

  test('there is something to check', () => {
    expect(packages.map(({ folder }) => folder)).toEqual(expect.arrayContaining(['core', 'plumber']))
    expect(packages.flatMap(({ files }) => [...files.values()].flatMap(importsOf)).length).toBeGreaterThan(10)
  })

  test.each(Object.entries(rules))('%s', (_name, rule) => {
    expect(rule(packages)).toEqual([])
  })
})

describe('each rule catches its offender', () => {
  const good = [
    sourcePackage('core', { 'index.ts': "export { a } from './a.js'", 'a.ts': "import { b } from 'dep'" }),
    sourcePackage('plumber', { 'index.ts': "import type { a } from '@pipelines/core'" }),
  ]

  const offenders: Readonly<Record<keyof typeof rules, readonly SourcePackage[]>> = {
    'every package has a layer': [sourcePackage('extra', {})],
    'packages import lower layers only': [
      sourcePackage('core', { 'a.ts': "import type { Plumber } from '@pipelines/plumber'" }),
      sourcePackage('plumber', { 'a.ts': "export * from '@pipelines/std'" }),
      sourcePackage('core', { 'b.ts': "import { own } from '@pipelines/core'" }),
    ],
    'packages import each other through "exports" only': [
      sourcePackage('plumber', { 'a.ts': "import { Queue } from '@pipelines/core/src/queue.js'" }),
      sourcePackage('plumber', { 'b.ts': "const queue = import('@pipelines/core/dist/queue.js')" }),
    ],
    'relative imports stay inside their package and name a file': [
      sourcePackage('plumber', { 'a.ts': "import { Queue } from '../../core/src/queue.js'" }),
      sourcePackage('plumber', { 'graph/b.ts': "import './missing.js'" }),
    ],
    'only declared dependencies are imported': [
      sourcePackage('core', { 'a.ts': "import lodash from 'lodash/fp'" }),
      sourcePackage('core', { 'b.ts': "type T = import('@scope/other/sub').T" }),
    ],
    'built-in modules are those the package may use': [sourcePackage('core', { 'a.ts': "import fs from 'node:fs'" })],
    'files of a package do not import each other in a circle': [
      sourcePackage('core', {
        'a.ts': "import { b } from './b.js'",
        'b.ts': "export { c } from './deep/c.js'",
        'deep/c.ts': "const a = await import('../a.js')",
      }),
    ],
    'files are short': [sourcePackage('core', { 'a.ts': `${'// line\n'.repeat(MAX_LINES)}export {}\n` })],
  }

  describe.each(Object.entries(rules))('%s', (name, rule) => {
    test('passes good packages', () => {
      expect(rule(good)).toEqual([])
    })

    test.each(offenders[name] ?? [])('fails offender %#', (offender) => {
      expect(rule([...good, offender])).toHaveLength(1)
    })

    test('has an offender', () => {
      expect(offenders[name]).not.toHaveLength(0)
    })
  })

  test('a circle of types alone is no circle', () => {
    const types = { 'a.ts': "import type { B } from './b.js'", 'b.ts': "import { a } from './a.js'" }
    expect(cycles(sourcePackage('core', types))).toEqual([])
  })

  test('imports in comments and strings are no imports', () => {
    const text = '// import "a"\n/** import "b" */ const c = `import "c"`, d = "import \'d\'", e = /`/; import "e"'
    expect(importsOf(text)).toEqual([{ specifier: 'e', typeOnly: false }])
  })
})

interface ImportSite {
  readonly packages: readonly SourcePackage[]
  readonly owner: SourcePackage
  readonly file: string
  readonly where: string
  readonly specifier: string
}

/** A rule that looks at one import at a time and returns a complaint, or nothing. Imports of types count too. */
function eachImport(check: (site: ImportSite) => string | undefined): Rule {
  return (packages) =>
    packages
      .flatMap((owner) =>
        [...owner.files].flatMap(([file, text]) =>
          importsOf(text).map(({ specifier }) =>
            check({ packages, owner, file, where: `${owner.folder}/src/${file}`, specifier }),
          ),
        ),
      )
      .filter((complaint) => complaint !== undefined)
}

/** Splits `@pipelines/plumber/graph` into folder `plumber` and subpath `./graph`; undefined for foreign packages. */
function workspaceTarget(specifier: string): { folder: string; subpath: string } | undefined {
  if (!specifier.startsWith(SCOPE)) return
  const [folder = '', ...rest] = specifier.slice(SCOPE.length).split('/')
  return { folder, subpath: ['.', ...rest].join('/') }
}

function layer(folder: string): number {
  return (Object.hasOwn(LAYERS, folder) ? LAYERS[folder] : undefined) ?? Number.POSITIVE_INFINITY
}

function isNodeModule(specifier: string): boolean {
  return specifier.startsWith('node:') || isBuiltin(specifier)
}

function packageName(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function declared({ dependencies, peerDependencies, optionalDependencies }: Manifest): Set<string> {
  return new Set(Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }))
}

/** Finds the circles that imports of values make, each as the path around it. */
function cycles({ files }: SourcePackage): string[][] {
  const found: string[][] = []
  const done = new Set<string>()
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file])
    if (done.has(file) || path.includes(file)) return
    for (const { specifier, typeOnly } of importsOf(files.get(file) ?? '')) {
      if (specifier.startsWith('.') && !typeOnly) walk(resolveRelative(file, specifier), [...path, file])
    }
    done.add(file)
  }
  for (const file of files.keys()) walk(file, [])
  return found
}

/** A package made up for a test; it declares the dependency `dep` and all packages of the workspace. */
function sourcePackage(folder: string, files: Readonly<Record<string, string>>): SourcePackage {
  const names = ['dep', ...Object.keys(LAYERS).map((name) => SCOPE + name)]
  const manifest = {
    name: SCOPE + folder,
    exports: { '.': './dist/index.js' },
    dependencies: Object.fromEntries(names.map((name) => [name, '*'])),
  }
  return { folder, manifest, files: new Map(Object.entries(files)) }
}
