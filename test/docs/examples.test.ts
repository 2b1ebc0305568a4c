import { Plumber } from '@pipelines/plumber'
import { afterAll, describe, expect, test } from 'vitest'
import { ExampleFiles, examplesOf, isCode, linesOf, outputsOf } from './examples.js'
import { MARKS, pageOf, readPages } from './markdown.js'

const pages = readPages()
const files = new ExampleFiles()
afterAll(() => files.remove())

/** Languages of blocks that this file knows what to do with. */
const LANGUAGES = ['ts', 'js', 'json', 'sh', 'text', 'mermaid']

describe.each(pages.filter(({ blocks }) => blocks.length > 0))('$path', (page) => {
  const examples = examplesOf(page)

  test('has blocks in known languages and with known marks', () => {
    for (const { language, marks, line } of page.blocks) {
      expect(LANGUAGES, `line ${line}`).toContain(language)
      for (const [mark, value] of marks) {
        expect([...MARKS.keys()], `line ${line}`).toContain(mark)
        if (MARKS.get(mark) === 'nothing') expect(value, `line ${line}`).toBe('')
        else expect(value.length, `line ${line}: "${mark}" needs a text`).toBeGreaterThan(5)
      }
    }
  })

  test('runs every block of code, or says why not', () => {
    const run = examples.flatMap(({ steps }) => steps.map(({ block }) => block))
    const left = page.blocks.filter((block) => isCode(block) && !run.includes(block))
    expect(left.filter(({ marks }) => !marks.has('skip'))).toEqual([])
  })

  test('has no output without a block that prints it', () => {
    const outputs = page.blocks.filter(({ marks }) => marks.has('output'))
    expect(outputs).toHaveLength(
      examples.flatMap(({ steps }) => steps).filter(({ output }) => output !== undefined).length,
    )
  })

  for (const example of examples)
    test(`${example.name} runs`, async () => {
      const printed = outputsOf(await linesOf(files.write(example)))
      for (const [place, { block, output }] of example.steps.entries())
        expect(printed[place], `line ${block.line}`).toBe(output ?? '')
    })

  for (const { code, line, marks } of page.blocks.filter(({ language }) => language === 'json'))
    test(`line ${line} is JSON, and a graph if it looks like one`, () => {
      const value: unknown = JSON.parse(code)
      if (typeof value !== 'object' || value === null || !('nodes' in value)) return
      const expected = marks.get('issues')?.split(', ') ?? []
      expect(Plumber.check(code).map((issue) => issue.code)).toEqual(expected)
    })
})

describe('the reader of pages', () => {
  const fence = '```'
  const read = (...lines: string[]) => pageOf('page.md', lines.join('\n'))

  test('joins a block with those that continue it, and keeps their outputs apart', async () => {
    const page = read(
      `${fence}ts`,
      'const one: number = 1',
      'console.log(one)',
      fence,
      '<!-- output -->',
      `${fence}text`,
      '1',
      fence,
      'And then:',
      '<!-- continues -->',
      `${fence}ts`,
      'console.log({ two: one + 1 })',
      fence,
    )
    const [example] = examplesOf(page)
    if (example === undefined) throw new Error('there is an example')
    expect(example.steps.map(({ output }) => output)).toEqual(['1', undefined])
    expect(outputsOf(await linesOf(files.write(example)))).toEqual(['1', '{ two: 2 }'])
  })

  test('leaves out a block that is to be skipped', () => {
    expect(examplesOf(read('<!-- skip: needs a network -->', `${fence}ts`, 'boom()', fence))).toEqual([])
  })

  test('forgets marks that are not right above a block', () => {
    expect(examplesOf(read('<!-- skip: too far away -->', 'Text.', `${fence}ts`, '', fence))).toHaveLength(1)
  })
})
