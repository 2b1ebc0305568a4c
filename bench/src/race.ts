/** One way of doing the work of a race. */
export interface Contestant {
  readonly name: string
  /** Does all of the work once and gives the checksum of what came out. */
  readonly run: () => number | Promise<number>
}

/** The same work, done by several contestants. */
export interface Race {
  readonly title: string
  readonly items: number
  /** What every contestant has to come to. */
  readonly checksum: number
  /** The contestant whose time is 1 in the second column: the least that this work can cost. */
  readonly reference: string
  /** The contestant whose time is 1 in the first column: the library as it comes. */
  readonly ours: string
  readonly contestants: readonly Contestant[]
  readonly rounds: number
}

export interface Result {
  readonly name: string
  /** Its time by ours, in the same round; median over the rounds. More than 1: slower than the library. */
  readonly ofOurs: number
  /** Its time by the reference's, in the same round; median over the rounds. */
  readonly ofReference: number
  /** Processor time; median over the rounds. */
  readonly nsPerItem: number
  /** Distance of the quartiles of its time, as a part of the median: how noisy this row is. */
  readonly spread: number
}

/**
 * Runs the contestants in turn, round after round, and compares them within each round. On a shared machine the speed
 * of everything drifts by half and more; neighbours in time drift together, so their ratio stays. This is also why the
 * harness is our own: tinybench finishes one contestant before it begins with the next.
 *
 * Time is processor time of this process, its collector threads included: with the clock on the wall, whoever ran while
 * a neighbour had the processor would have lost. No workload here waits for anything but itself.
 *
 * @throws when a contestant comes to another checksum
 */
export async function race({ contestants, rounds, items, checksum, ours, reference, title }: Race): Promise<Result[]> {
  const times = new Map<string, number[]>(contestants.map(({ name }) => [name, []]))
  const mine = timesOf(times, ours)
  const base = timesOf(times, reference)
  // Round -1 and -2 warm up: the first compiles, the second runs what was compiled.
  for (let round = -2; round < rounds; round++) {
    // Another one begins each time, so that nobody always runs after the one that leaves most garbage.
    for (const { name, run } of rotated(contestants, round)) {
      collectGarbage()
      const started = process.cpuUsage()
      const sum = await run()
      const { user, system } = process.cpuUsage(started)
      if (sum !== checksum) throw new Error(`${title}: "${name}" came to ${sum} instead of ${checksum}`)
      if (round >= 0) timesOf(times, name).push(user + system)
    }
  }
  return [...times].map(([name, took]) => ({
    name,
    ofOurs: median(ratios(took, mine)),
    ofReference: median(ratios(took, base)),
    nsPerItem: (median(took) * 1e3) / items,
    spread: (quantile(took, 0.75) - quantile(took, 0.25)) / median(took),
  }))
}

/**
 * The young generation only, which is kind to the library. After a full collection V8 drops optimised code whose classes
 * have no instance just then (`--trace-deopt`: "weak objects"), as those of a run that is over; measured, the next million
 * items then took 4 times as long against generators. Between two runs of a process, that can happen; within one, not.
 */
function collectGarbage(): void {
  globalThis.gc?.({ type: 'minor' })
}

function timesOf(times: ReadonlyMap<string, number[]>, name: string): number[] {
  const found = times.get(name)
  if (found === undefined) throw new Error(`no contestant "${name}"`)
  return found
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const from = (by + list.length) % list.length
  return [...list.slice(from), ...list.slice(0, from)]
}

function ratios(times: readonly number[], others: readonly number[]): number[] {
  return times.map((time, round) => time / (others[round] ?? Number.NaN))
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * part
  const [below = Number.NaN, above = below] = sorted.slice(Math.floor(place), Math.floor(place) + 2)
  return below + (above - below) * (place - Math.floor(place))
}
