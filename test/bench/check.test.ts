import { describe, expect, test } from 'vitest'
import { type Baseline, compare, nameOf, PAIRS, type Pair } from '../../bench/src/baseline.js'
import { checkPairs, describeComparison, type MeasureRows, measurePairs } from '../../bench/src/checking.js'

const one: Pair = { workload: 'W1', ours: 'ours', peer: 'one' }
const two: Pair = { workload: 'W1', ours: 'ours', peer: 'two' }
const other: Pair = { workload: 'W2', ours: 'ours', peer: 'one' }
const baseline: Baseline = { [nameOf(one)]: 3, [nameOf(two)]: 1, [nameOf(other)]: 3 }

describe('the check', () => {
  test('passes what takes exactly twice as long as it did, and fails what takes longer', () => {
    expect(compare(one, 6, baseline).passed).toBe(true)
    expect(compare(one, 6.01, baseline).passed).toBe(false)
    expect(compare(one, 0.5, baseline).passed).toBe(true)
  })

  test('fails what could not be measured', () => {
    expect(compare(one, Number.NaN, baseline).passed).toBe(false)
  })

  test('asks for a new baseline where a pair is missing', () => {
    expect(() => compare(one, 1, {})).toThrow('The baseline has no "W1: ours / one". Write it anew with --update.')
    expect(() => compare({ ...one, workload: 'constructor' }, 1, {})).toThrow('The baseline has no')
  })

  test('measures each workload once if all is well', async () => {
    const { measure, asked } = measuring({ W1: [{ ours: 3, one: 1, two: 3 }], W2: [{ ours: 6, one: 1 }] })
    const found = await checkPairs([one, two, other], { ...baseline, [nameOf(two)]: 1 }, measure)
    expect(found.map(({ now, passed }) => [now, passed])).toEqual([
      [3, true],
      [1, true],
      [6, true],
    ])
    expect(asked).toEqual(['W1: ours, one, two', 'W2: ours, one'])
  })

  test('measures a workload once more before it fails, and no other', async () => {
    const { measure, asked } = measuring({
      W1: [
        { ours: 7, one: 1, two: 7 },
        { ours: 4, one: 1, two: 4 },
      ],
      W2: [{ ours: 3, one: 1 }],
    })
    const found = await checkPairs([one, two, other], baseline, measure)
    expect(found.map(({ now, passed }) => [now, passed])).toEqual([
      [4, true],
      [1, true],
      [3, true],
    ])
    expect(asked).toEqual(['W1: ours, one, two', 'W2: ours, one', 'W1: ours, one, two'])
  })

  test('fails what is too slow twice, with all figures', async () => {
    const { measure } = measuring({
      W1: [
        { ours: 9, one: 1 },
        { ours: 7.5, one: 1 },
      ],
    })
    const [found] = await checkPairs([one], baseline, measure)
    expect(found?.passed).toBe(false)
    expect(found && describeComparison(found)).toBe(
      'FAILED  W1: ours / one: 7.50, baseline 3.00, 2.50 times what it was; at most 2.00',
    )
  })

  test('takes the median of the ratios within the rounds', async () => {
    const measure: MeasureRows = async () => [
      { name: 'ours', ours: true, figures: {}, samples: [2, 40, 3] },
      { name: 'one', ours: false, figures: {}, samples: [1, 20, 1] },
    ]
    expect((await measurePairs([one], measure)).get(one)).toBe(2)
  })

  test('has no pair twice', () => {
    expect(new Set(PAIRS.map(nameOf)).size).toBe(PAIRS.length)
  })
})

/** Gives made-up times, another set of them each time that a workload is measured. */
function measuring(times: Readonly<Record<string, Record<string, number>[]>>): {
  readonly measure: MeasureRows
  readonly asked: string[]
} {
  const asked: string[] = []
  const measure: MeasureRows = async (workload, only) => {
    const before = asked.filter((call) => call.startsWith(workload)).length
    asked.push(`${workload}: ${only.join(', ')}`)
    return Object.entries(times[workload]?.[before] ?? {}).map(([name, time]) => ({
      name,
      ours: name === 'ours',
      figures: {},
      samples: [time],
    }))
  }
  return { measure, asked }
}
