import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { WORKLOADS } from '../../bench/src/catalogue.js'
import type { Results } from '../../bench/src/results.js'
import { repositoryRoot } from '../support/repository.js'
import { benchTables, figuresIn, lastResults, withBenchTables, withoutTables } from './bench-tables.js'

const file = new URL('docs/performance.md', repositoryRoot)
const read = (path: string): string => readFileSync(new URL(path, repositoryRoot), 'utf8')

describe('docs/performance.md', () => {
  test('shows the last full run of the bench', () => {
    const text = readFileSync(file, 'utf8')
    const fresh = withBenchTables(text, lastResults())
    if (process.env.UPDATE_DOCS !== undefined) writeFileSync(file, fresh)
    else expect(text).toBe(fresh)
  })

  test('names each workload of which a target is not met where it says what was tried', () => {
    const [, tried = ''] = read('docs/performance.md').split('\n## Targets that are not met')
    const missed = lastResults().blocks.filter(({ verdicts }) => verdicts.some(({ met }) => !met))
    expect(missed.map(({ workload }) => workload).filter((name) => !new RegExp(`\\b${name}\\b`).test(tried))).toEqual(
      [],
    )
  })

  test('is linked to a chart of the same run', () => {
    const { date, node, blocks } = lastResults()
    const chart = read('bench/results/chart.svg')
    expect(chart).toContain(`Node ${node}`)
    expect(chart).toContain(date)
    expect(chart.match(/font-size="12"/g)).toHaveLength(
      blocks.filter(({ columns }) => columns.includes('ofOurs')).length,
    )
  })
})

test('the results that are shown are those of all workloads, and in full', () => {
  const { blocks } = lastResults()
  expect([...new Set(blocks.map(({ workload }) => workload))]).toEqual([...WORKLOADS.keys()])
  expect(blocks.flatMap(({ verdicts }) => verdicts).length).toBeGreaterThan(10) // a quick run has none
})

test('README.md names no time and no ratio that is not in these tables', () => {
  const known = new Set(benchTables(lastResults()).match(/\d[\d.,]*/g))
  expect(figuresIn(read('README.md')).filter((figure) => !known.has(figure.split(' ')[0] ?? ''))).toEqual([])
})

test('what docs/performance.md says of how it works names no time and no ratio: that would grow old', () => {
  const [before] = withoutTables(read('docs/performance.md')).split('\n## Targets that are not met')
  expect(figuresIn(before ?? '')).toEqual([])
})

describe('the tables of the bench', () => {
  const results: Results = {
    date: '2026-01-02',
    node: '20.20.2',
    machine: '2 × a processor',
    rounds: 9,
    blocks: [
      {
        workload: 'W1',
        title: 'W1: a | b',
        columns: ['nsPerItem', 'ofOurs'],
        rows: [
          { name: 'Pipelines', ours: true, bounds: true, figures: { nsPerItem: 20, ofOurs: 1 } },
          { name: 'a <peer>', ours: false, bounds: false, figures: { nsPerItem: 30, ofOurs: 1.5 } },
        ],
        verdicts: [
          { target: 'Pipelines ≤ 1.0 × the time of a <peer>', value: 0.67, shown: '0.67 ×', met: true },
          { target: 'Pipelines ≥ 2.0 × as fast as a <peer>', value: 1.5, shown: '1.50 ×', met: false },
        ],
      },
      {
        workload: 'W12',
        title: 'W12: c',
        columns: ['rssGrowthMb', 'lagP99Ms'],
        rows: [{ name: 'Pipelines', ours: true, figures: { rssGrowthMb: 1.25 } }],
        verdicts: [],
      },
    ],
  }
  const lines = [
    'Node 20.20.2, 2 × a processor, 2026-01-02; medians of 9 interleaved rounds. 1 of 2 targets are met.',
    '### W1: a \\| b',
    '|  | ns/item | of ours | bounds |\n| --- | ---: | ---: | --- |',
    '| **Pipelines** | 20.0 | 1.00 × | yes |\n| a &lt;peer> | 30.0 | 1.50 × | no |',
    '- met, 0.67 ×: Pipelines ≤ 1.0 × the time of a &lt;peer>',
    '- **not met**, 1.50 ×: Pipelines ≥ 2.0 × as fast as a &lt;peer>',
    '### W12: c',
    '|  | RSS growth MB | lag p99 ms |\n| --- | ---: | ---: |\n| **Pipelines** | 1.3 |  |',
  ]

  test('have a heading, the rows and the targets of each block', () => {
    const text = benchTables(results)
    for (const line of lines) expect(text).toContain(line)
  })

  test('take the place of what is between their marks, and of nothing else', () => {
    const page = withBenchTables(read('docs/performance.md'), results)
    expect(page).toContain(lines[1])
    expect(withBenchTables(page, results)).toBe(page)
    expect(withoutTables(page)).toBe(withoutTables(read('docs/performance.md')))
    expect(() => withBenchTables('no marks', results)).toThrow('Put the tables between')
  })

  test('are where figures are looked for', () => {
    expect(figuresIn('20.0 ns/item, 1.50 × of it, 2 ×, 1,024 items, 8 ms, 3 µs')).toEqual([
      '20.0 ns',
      '1.50 ×',
      '2 ×',
      '3 µs',
    ])
  })
})
