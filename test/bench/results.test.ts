import { describe, expect, test } from 'vitest'
import { renderChart } from '../../bench/src/chart.js'
import { printBlock, printSummary } from '../../bench/src/print.js'
import { collectResults, toJson } from '../../bench/src/results.js'
import type { Block } from '../../bench/src/workload.js'

const race: Block = {
  title: 'W1: a <race> & more',
  columns: ['nsPerItem', 'ofOurs', 'noise', 'worstLagMs'],
  rows: [
    row('Pipelines', { nsPerItem: 50, ofOurs: 1, noise: 0.02, worstLagMs: 8 }, { ours: true }),
    row('"quoted" peer', { nsPerItem: 25, ofOurs: 0.5, noise: 0.1, worstLagMs: 300 }),
    row('no bounds', { nsPerItem: 12_345, ofOurs: 246.9, noise: 0.1, worstLagMs: 0 }, { bounds: false }),
  ],
  verdicts: [
    { target: 'Pipelines ≤ 1.0 × the time of no bounds', value: 0.0040505, shown: '0.00 ×', met: true },
    { target: 'Pipelines ≤ 1.0 × the time of "quoted" peer', value: 2, shown: '2.00 ×', met: false },
  ],
}
const probe: Block = {
  title: 'W12: no race',
  columns: ['rssGrowthMb'],
  rows: [{ name: 'only a figure', ours: true, figures: { rssGrowthMb: 1.25 } }],
  verdicts: [],
}
const measured = new Map([
  ['W1', [race]],
  ['W12', [probe]],
])

describe('the table', () => {
  test('has a row for everybody, and the targets below', () => {
    expect(printBlock(race).split('\n')).toEqual([
      'W1: a <race> & more',
      '               ns/item  of ours  noise  worst lag ms  bounds',
      '─────────────  ───────  ───────  ─────  ────────────  ──────',
      'Pipelines         50.0   1.00 ×   ±2 %             8     yes',
      '"quoted" peer     25.0   0.50 ×  ±10 %           300     yes',
      'no bounds       12,345    247 ×  ±10 %             0      no',
      '  met     Pipelines ≤ 1.0 × the time of no bounds: 0.00 ×',
      '  NOT MET Pipelines ≤ 1.0 × the time of "quoted" peer: 2.00 ×',
    ])
  })

  test('ends with all targets of all workloads', () => {
    expect(printSummary(measured).split('\n')).toEqual([
      '1 of 2 targets met',
      'W1   met     Pipelines ≤ 1.0 × the time of no bounds: 0.00 ×',
      'W1   NOT MET Pipelines ≤ 1.0 × the time of "quoted" peer: 2.00 ×',
    ])
  })
})

describe('the results', () => {
  test('are the blocks without the single rounds', () => {
    const { blocks } = collectResults(9, measured)
    expect(blocks.map(({ workload }) => workload)).toEqual(['W1', 'W12'])
    expect(blocks[0]?.rows[0]).toEqual({
      name: 'Pipelines',
      ours: true,
      bounds: true,
      figures: { nsPerItem: 50, ofOurs: 1, noise: 0.02, worstLagMs: 8 },
    })
  })

  test('are JSON with four digits, and lists of plain values in one line', () => {
    const text = toJson({ list: ['a', 'b'], empty: [], rows: [{ value: 1 / 3 }, { value: 1_234_567 }] })
    expect(text).toBe(`{
  "list": ["a", "b"],
  "empty": [],
  "rows": [
    {
      "value": 0.3333
    },
    {
      "value": 1234567
    }
  ]
}
`)
  })
})

describe('the chart', () => {
  const svg = renderChart(collectResults(9, measured))

  test('is well-formed', () => {
    expect(unbalanced(svg)).toEqual([])
    expect(unbalanced('<svg><a x="1"><b/></svg>')).not.toEqual([])
    expect(unbalanced('<svg>a & b</svg>')).not.toEqual([])
    expect(unbalanced('<svg a="<"/>')).not.toEqual([])
  })

  test('names every row of every race with its figures, and nothing else', () => {
    const texts = [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, content]) => content)
    expect(texts).toEqual(expect.arrayContaining(['W1: a &lt;race&gt; &amp; more', 'Pipelines', 'no bounds']))
    expect(texts).toEqual(expect.arrayContaining(['&quot;quoted&quot; peer', '0.50 ×   25.0 ns/item']))
    expect(svg).not.toContain('only a figure')
  })

  test('has a name and a description for those who cannot see it', () => {
    expect(svg).toMatch(/role="img" aria-labelledby="title desc"/)
    expect(svg).toMatch(/<title id="title">.+<\/title>/)
    expect(svg).toMatch(/<desc id="desc">.*Pipelines 1\.00 ×, &quot;quoted&quot; peer 0\.50 ×.*<\/desc>/)
  })

  test('draws twice the time as the same step to the right everywhere', () => {
    const widths = [...svg.matchAll(/<rect x="280" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width))
    const [ours = 0, half = 0, most = 0] = widths
    const step = ours - half
    expect(widths).toHaveLength(3)
    expect(most - ours).toBeCloseTo(step * Math.log2(246.9), -0.5)
  })

  test('has a line for every ten times, and one for Pipelines', () => {
    const labels = [...svg.matchAll(/text-anchor="middle"[^>]*>([^<]*)</g)].map(([, label]) => label)
    expect(labels).toEqual(['Pipelines', '10 × slower', '100 × slower', '1000 × slower'])
  })

  test('is whole without any race', () => {
    expect(unbalanced(renderChart(collectResults(9, new Map())))).toEqual([])
  })
})

function row(
  name: string,
  figures: Block['rows'][number]['figures'],
  { ours = false, bounds = true }: { ours?: boolean; bounds?: boolean } = {},
): Block['rows'][number] {
  return { name, ours, bounds, figures, samples: [1, 2, 3] }
}

/** What keeps a text from being XML: tags that do not match, and signs that must be escaped. */
function unbalanced(text: string): string[] {
  const open: string[] = []
  const wrong: string[] = []
  const rest = text.replaceAll(
    /<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<&]*(?:&\w+;[^"<&]*)*")*)\s*(\/?)>/g,
    (_, end, name, __, empty) => {
      if (end !== '') wrong.push(...(open.pop() === name ? [] : [`</${name}>`]))
      else if (empty === '') open.push(name)
      return ''
    },
  )
  const bare = rest.replaceAll(/&(?:amp|lt|gt|quot);/g, '').match(/[<&]/g) ?? []
  return [...wrong, ...open, ...bare]
}
