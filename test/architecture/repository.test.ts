import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Manifest } from '../support/package-tree.js'
import { repositoryFiles, repositoryRoot } from '../support/repository.js'

const files = repositoryFiles().filter((path) => existsSync(new URL(path, repositoryRoot)))
const texts = files.map((path) => ({ path, text: read(path) })).filter(({ text }) => !text.includes('\0'))
const manifests = files
  .filter((path) => path.split('/').at(-1) === 'package.json')
  .map((path) => ({ path, manifest: JSON.parse(read(path)) as Manifest }))
const published = manifests.filter(({ path }) => path.startsWith('packages/'))

describe('the repository', () => {
  test('has the MIT license', () => {
    expect(read('LICENSE')).toMatch(/^MIT License\n\nCopyright \(c\) \d{4} The Pipelines authors\n/)
  })

  test('names no folder of a developer machine', () => {
    expect(texts.flatMap(({ path, text }) => machinePaths(text).map((found) => `${path}: ${found}`))).toEqual([])
  })

  test('has no test that is focused or skipped', () => {
    const tests = texts.filter(({ path }) => /\.test\.[cm]?tsx?$/.test(path))
    expect(tests.length).toBeGreaterThan(0)
    expect(tests.flatMap(({ path, text }) => focusedTests(text).map((found) => `${path}: ${found}`))).toEqual([])
  })

  test('has one version', () => {
    expect(new Set(manifests.map(({ manifest }) => manifest.version)).size).toBe(1)
  })

  test.each(published)('$path exports its types first', ({ manifest }) => {
    expect(manifest.exports).toHaveProperty(['.'])
    expect(untypedExports(manifest)).toEqual([])
  })

  test.each(published)('$path takes other packages from the workspace', ({ manifest }) => {
    const siblings = Object.entries(manifest.dependencies ?? {}).filter(([name]) => name.startsWith('@pipelines/'))
    expect(siblings.filter(([, range]) => range !== 'workspace:*')).toEqual([])
  })
})

describe('each check can fail:', () => {
  test('folders of a machine', () => {
    const path = (...parts: string[]): string => parts.join('/')
    expect(machinePaths(`see ${path('', 'home', 'ann', 'code')}`)).toHaveLength(1)
    expect(machinePaths(`"file://${path('', 'Users', 'ann', 'code')}"`)).toHaveLength(1)
    expect(machinePaths(['C:', 'Users', 'ann'].join('\\'))).toHaveLength(1)
    expect(machinePaths(`cd ${path('', 'root', 'x')} && ls ${path('', 'builds', 'x')}`)).toHaveLength(2)
    expect(machinePaths('https://example.org/home/page, ./home/page, a/root/b, /usr/bin/env')).toEqual([])
  })

  test('focused and skipped tests', () => {
    for (const call of ['test only', 'it skip', 'describe only', 'test concurrent skip', 'test skip each']) {
      expect(focusedTests(`${call.replaceAll(' ', '.')}('name', () => {})`)).toHaveLength(1)
    }
    expect(focusedTests('iterator.skip(1); test.skipIf(windows)')).toEqual([])
  })

  test('exports without types, or with types in second place', () => {
    const exports = {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './late': { default: './dist/late.js', types: './dist/late.d.ts' },
      './bare': './dist/bare.js',
      './data.json': './data.json',
    }
    expect(untypedExports({ name: 'x', exports })).toEqual(['./late', './bare'])
  })
})

/** Absolute paths below folders where people and machines keep their checkouts. A URL's path does not count. */
function machinePaths(text: string): string[] {
  const roots = ['home', 'root', 'Users', 'work', 'workspace', 'builds'].join('|')
  const unix = new RegExp(`(?<![\\w.)\\]}*~-]|(?<!file:)//[\\w.-]+)/(?:${roots})/[\\w.-]+`, 'g')
  return [...text.matchAll(unix), ...text.matchAll(/\b[A-Z]:\\{1,2}Users\\{1,2}\w+/g)].map(([found]) => found)
}

function focusedTests(text: string): string[] {
  return text.match(/\b(?:test|it|describe|suite)(?:\.\w+)*\.(?:only|skip)\b/g) ?? []
}

/** Subpaths whose first condition is not `types`; data files need none. */
function untypedExports({ exports = {} }: Manifest): string[] {
  return Object.entries(exports)
    .filter(([, target]) =>
      typeof target === 'string' ? !target.endsWith('.json') : Object.keys(target)[0] !== 'types',
    )
    .map(([subpath]) => subpath)
}

function read(path: string): string {
  return readFileSync(new URL(path, repositoryRoot), 'utf8')
}
