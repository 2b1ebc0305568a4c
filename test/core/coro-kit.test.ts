import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import * as whole from '@pipelines/core'
import * as kit from '@pipelines/core/coro'
import { expect, test } from 'vitest'
import { importsOf } from '../support/package-tree.js'
import { repositoryRoot } from '../support/repository.js'

const SOURCES = new URL('packages/core/src/', repositoryRoot)

/** All that is loaded with a file of core: its files, and the packages beside. */
function loadedWith(file: string): { readonly files: ReadonlySet<string>; readonly packages: readonly string[] } {
  const files = new Set([file])
  const packages: string[] = []
  for (const name of files)
    for (const { specifier, typeOnly } of importsOf(readFileSync(new URL(name, SOURCES), 'utf8'))) {
      if (typeOnly) continue
      if (specifier.startsWith('.')) files.add(basename(specifier).replace(/\.js$/, '.ts'))
      else packages.push(specifier)
    }
  return { files, packages }
}

test('what coroutines need is the same in the part as in the whole', () => {
  const all: Readonly<Record<string, unknown>> = whole
  for (const [name, value] of Object.entries(kit)) expect(all[name], name).toBe(value)
})

test('what coroutines need loads no engine with it', () => {
  const { files, packages } = loadedWith('coro-kit.ts')
  expect(packages).toEqual([])
  const few = ['catalogue', 'context', 'coro-kit', 'coro-names', 'coro', 'errors', 'iterate', 'load-hint', 'text']
  expect([...files].toSorted()).toEqual(few.map((name) => `${name}.ts`))
})
