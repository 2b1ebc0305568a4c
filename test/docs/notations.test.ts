import { join } from 'node:path'
import * as flows from '@pipelines/flow'
import { task } from '@pipelines/flow/pypeln'
import { afterAll, describe, expect, test } from 'vitest'
import { fileNameOf, linesOf, outputsOf } from './examples.js'
import { readPages, spansOf } from './markdown.js'
import { built, filesOf, isFile, programsOf } from './notation-examples.js'

const all = readPages()
const pages = all.filter(({ blocks }) => blocks.some(isFile))
const files = filesOf(pages)
afterAll(() => files.remove())
const complaints = built(files.folder)

test('programs, and the files that threads and processes load for them, have the types that they say', () => {
  expect(complaints).toBe('')
})

describe.each(pages)('$path', (page) => {
  const programs = programsOf(page)

  for (const program of programs)
    test(`${program.name} runs, with the files beside it`, async () => {
      const printed = outputsOf(await linesOf(join(files.folder, `${fileNameOf(program)}.ts`)))
      expect(printed).toEqual(program.steps.map(({ output }) => output ?? ''))
    })

  test('has programs that need its files', () => {
    expect(programs.length).toBeGreaterThan(0)
  })
})

/** Names that are in no code span of a page. */
function unnamed(path: string, names: readonly string[]): string[] {
  const page = all.find((known) => known.path === path)
  const words = new Set(page && spansOf(page).flatMap((span) => span.split(/\W+/)))
  return names.filter((name) => !words.has(name))
}

const methods = Object.getOwnPropertyNames(flows.Flow.prototype).filter((name) => name !== 'constructor')

test('the guide names every stage of a flow, and everything else that it can be asked for', () => {
  expect(methods).toContain('flatMap')
  expect(unnamed('docs/guide/flow.md', methods)).toEqual([])
})

test('the guide names all that the package exports', () => {
  const values = Object.keys(flows).filter((name) => name !== 'Flow')
  expect(unnamed('docs/guide/flow.md', values)).toEqual([])
})

test('the page on pypeln names every function of its modules', () => {
  expect(unnamed('docs/migration/pypeln.md', Object.keys(task))).toEqual([])
})
