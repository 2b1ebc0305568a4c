import { processes, threads } from '@pipelines/workers'
import { afterAll, describe, expect, test } from 'vitest'
import { resolveOptions } from '../../packages/workers/src/options.js'
import { isCode, linesOf, outputsOf } from './examples.js'
import { filesOf, modulesOf, programsOf, workerPages } from './worker-examples.js'

const pages = workerPages()
const guide = pages.find(({ path }) => path === 'docs/guide/workers.md')?.text ?? ''

describe.each(pages)('$path', (page) => {
  const files = filesOf(page)
  afterAll(() => files.remove())
  const programs = programsOf(page)

  for (const program of programs)
    test(`${program.name} runs, with the modules beside it`, async () => {
      const printed = outputsOf(await linesOf(files.write(program)))
      expect(printed).toEqual(program.steps.map(({ output }) => output ?? ''))
    })

  test('has no code but modules and programs', () => {
    expect(programs.length).toBeGreaterThan(0)
    expect(page.blocks.filter(isCode)).toHaveLength(programs.length + modulesOf(page).length)
  })
})

/** The rows of the table of options: name, what its default is, and where it is allowed. */
function optionRows(): string[][] {
  const [, table = ''] = guide.split('\n| option ')
  const rows = table.split('\n\n', 1)[0]?.split('\n').slice(2) ?? []
  return rows.map((row) => row.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$|`/g, '').trim()))
}

describe('the table of options', () => {
  const rows = optionRows()
  const value = { name: 'x', share: 'node', idleMs: 1, stuckMs: 1, execArgv: [], env: {}, resourceLimits: {} }
  const values: Readonly<Record<string, unknown>> = { ...value, transfer: true }

  test('has every option, and its default', () => {
    const { name: _, ...defaults } = resolveOptions({}, 'thread')
    const shown = Object.entries(defaults).map(([name, of]) => [name, of === undefined ? '' : String(of)])
    const listed = rows.map(([name, , of]) => [name, /^(?:\d+|true|false|executor)$/.test(of ?? '') ? of : ''])
    expect(listed.filter(([name]) => name !== 'name').sort()).toEqual(shown.sort())
  })

  test('says which are for threads alone', () => {
    const refused = rows.filter(([name = '']) => {
      threads({ [name]: values[name] })
      try {
        processes({ [name]: values[name] })
        return false
      } catch {
        return true
      }
    })
    expect(refused.map(([name]) => name)).toEqual(
      rows.filter(([, meaning]) => meaning?.startsWith('Threads only')).map(([name]) => name),
    )
    expect(refused).not.toEqual([])
  })

  test('has the names that the executors have', () => {
    expect(rows.find(([name]) => name === 'name')?.[2]).toBe(`${threads().name}, ${processes().name}`)
  })
})
