/** The entry at `index`, which the caller knows to be there. */
export function at<T>(list: readonly T[], index: number): T {
  const value = list[index]
  if (value === undefined) throw new RangeError(`no entry ${index} in a list of ${list.length}`)
  return value
}
