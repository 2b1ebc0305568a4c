import { type Baseline, type Comparison, compare, LIMIT, nameOf, type Pair, ratioOf } from './baseline.js'
import type { Row } from './workload.js'

/** Measures the named rows of a workload. */
export type MeasureRows = (workload: string, only: readonly string[]) => Promise<readonly Row[]>

/** Measures all pairs, workload by workload. */
export async function measurePairs(pairs: readonly Pair[], measure: MeasureRows): Promise<Map<Pair, number>> {
  const ratios = new Map<Pair, number>()
  for (const workload of new Set(pairs.map((pair) => pair.workload))) {
    const mine = pairs.filter((pair) => pair.workload === workload)
    const rows = await measure(workload, [...new Set(mine.flatMap(({ ours, peer }) => [ours, peer]))])
    for (const pair of mine) ratios.set(pair, ratioOf(pair, rows))
  }
  return ratios
}

/** Compares all pairs with the baseline. What fails is measured once more with its workload: the better one counts. */
export async function checkPairs(
  pairs: readonly Pair[],
  baseline: Baseline,
  measure: MeasureRows,
): Promise<readonly Comparison[]> {
  const first = await measurePairs(pairs, measure)
  const failed = pairs.filter((pair) => !compare(pair, first.get(pair) ?? Number.NaN, baseline).passed)
  const workloads = new Set(failed.map((pair) => pair.workload))
  const second = await measurePairs(
    pairs.filter((pair) => workloads.has(pair.workload)),
    measure,
  )
  return pairs.map((pair) => {
    const found = [first.get(pair), second.get(pair)].filter((value) => value !== undefined && !Number.isNaN(value))
    return compare(pair, found.length === 0 ? Number.NaN : Math.min(...(found as number[])), baseline)
  })
}

export function describeComparison({ pair, before, now, passed }: Comparison): string {
  const change = `${(now / before).toFixed(2)} times what it was`
  const text = `${nameOf(pair)}: ${now.toFixed(2)}, baseline ${before.toFixed(2)}, ${change}`
  return passed ? `ok      ${text}` : `FAILED  ${text}; at most ${LIMIT.toFixed(2)}`
}
