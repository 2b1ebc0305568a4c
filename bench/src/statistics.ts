export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value below which `part` of the values lie, between two of them if need be. `NaN` of no values. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * part
  const [below = Number.NaN, above = below] = sorted.slice(Math.floor(place), Math.floor(place) + 2)
  return below + (above - below) * (place - Math.floor(place))
}

/** Half the distance of the quartiles, as a part of the median: how noisy a row is. */
export function noise(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / median(values)
}

/** Median of `values` by `others`, round by round: what drifts with the machine drifts in both. */
export function ratio(values: readonly number[], others: readonly number[]): number {
  return median(values.map((value, round) => value / (others[round] ?? Number.NaN)))
}
