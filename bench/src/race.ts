import { performance } from 'node:perf_hooks'
import { count, type Figures } from './figures.js'
import { watchLag } from './lag.js'
import { median, noise, ratio } from './statistics.js'
import { judge } from './targets.js'
import { type Block, type Contestant, itemsOf, type Race, type Row, type Scale } from './workload.js'

const WARM_UP_ROUNDS = 2

/** One run of one contestant. */
interface Sample {
  readonly cpuNs: number
  readonly wallNs: number
  readonly lagMs: number
}

/**
 * Runs the contestants in turn, round after round, and compares them within each round. On a shared machine the speed
 * of everything drifts by half and more; neighbours in time drift together, so their ratio stays. This is also why the
 * harness is our own: tinybench finishes one contestant before it begins with the next.
 *
 * Time is processor time of this process, its collector threads included: with the clock on the wall, whoever ran while
 * a neighbour had the processor would have lost. Only work that waits for timers or other threads is measured on the wall.
 *
 * @throws when a contestant comes to another checksum, or `only` names one that there is not
 */
export async function runRace(race: Race, { size, rounds, only }: Scale): Promise<Block> {
  const contestants = chosen(race.contestants, only)
  const taken = new Map(contestants.map((contestant) => [contestant, [] as Sample[]]))
  const warmUps = size === 'quick' ? 0 : WARM_UP_ROUNDS
  try {
    for (let round = -warmUps; round < rounds; round++) {
      for (const contestant of ordered(contestants, round + warmUps)) {
        const sample = await take(race, contestant, race.items[size])
        // The first rounds warm up: one compiles, the next runs what was compiled.
        if (round >= 0) taken.get(contestant)?.push(sample)
      }
    }
  } finally {
    await race.close?.()
  }
  const rows = rowsOf(race, taken, race.items[size])
  return {
    title: `${race.title}; ${count(race.items[size])} ${race.figure === 'usPerRound' ? 'rounds' : 'items'}`,
    columns: [
      race.figure,
      'ofOurs',
      'noise',
      ...(race.figure === 'msPerRun' ? (['cpuNsPerItem'] as const) : []),
      'worstLagMs',
    ],
    rows,
    // Targets name rows that need not be there, and amounts for a quick look say nothing.
    verdicts: only === undefined && size !== 'quick' ? race.targets.map((target) => judge(target, rows)) : [],
  }
}

async function take({ title, checksum }: Race, contestant: Contestant, raceItems: number): Promise<Sample> {
  const items = itemsOf(contestant, raceItems)
  collectGarbage()
  const lag = watchLag()
  const began = performance.now()
  const started = process.cpuUsage()
  const sum = await contestant.run(items)
  const { user, system } = process.cpuUsage(started)
  const wallNs = (performance.now() - began) * 1e6
  lag.stop()
  const right = (contestant.checksum ?? checksum)(items)
  // As 32 bits: that is what the common sink keeps.
  if ((sum | 0) !== (right | 0)) throw new Error(`${title}: "${contestant.name}" came to ${sum} instead of ${right}`)
  return { cpuNs: (user + system) * 1e3, wallNs, lagMs: Math.max(...lag.lagsMs) }
}

/**
 * The young generation only, which is kind to the library. After a full collection V8 drops optimised code whose classes
 * have no instance just then (`--trace-deopt`: "weak objects"), as those of a run that is over; measured, the next million
 * items then took 4 times as long against generators. Between two runs of a process, that can happen; within one, not.
 */
function collectGarbage(): void {
  globalThis.gc?.({ type: 'minor' })
}

function rowsOf(race: Race, taken: ReadonlyMap<Contestant, readonly Sample[]>, raceItems: number): Row[] {
  const timed = [...taken].map(([contestant, samples]) => {
    const units = itemsOf(contestant, raceItems) * (contestant.hops ?? 1)
    return { contestant, samples, units, figures: samples.map((sample) => inUnits(sample, race.figure, units)) }
  })
  const mine = timed[0]?.figures ?? []
  return timed.map(({ contestant: { name, ours = false, bounds }, samples, units, figures }) => {
    const shown: Figures = {
      [race.figure]: median(figures),
      ofOurs: ratio(figures, mine),
      noise: noise(figures),
      cpuNsPerItem: median(samples.map(({ cpuNs }) => cpuNs / units)),
      worstLagMs: Math.max(...samples.map(({ lagMs }) => lagMs)),
    }
    return { name, ours, bounds, figures: shown, samples: figures }
  })
}

function inUnits({ cpuNs, wallNs }: Sample, figure: Race['figure'], units: number): number {
  switch (figure) {
    case 'nsPerItem':
    case 'nsPerHop':
      return cpuNs / units
    case 'usPerRound':
      return cpuNs / units / 1e3
    case 'msPerRun':
      return wallNs / 1e6
    case 'msPerItem':
      return wallNs / units / 1e6
    case 'usPerItem':
      return wallNs / units / 1e3
    default:
      return figure satisfies never
  }
}

function chosen(contestants: readonly Contestant[], only: readonly string[] | undefined): readonly Contestant[] {
  return only === undefined ? contestants : contestants.filter(({ name }) => only.includes(name))
}

/**
 * Whoever runs next pays for the garbage that is left to the collector: after 100,000 tasks of a queue, a run took twice
 * its time. So everybody follows everybody else equally often, over twice as many rounds as there are contestants.
 *
 * @see E. J. Williams, "Experimental designs balanced for the estimation of residual effects of treatments" (1949)
 */
export function ordered<T>(list: readonly T[], round: number): T[] {
  const zigzag = list.map((_, place) => (place % 2 === 0 ? -place / 2 : (place + 1) / 2))
  const shift = Math.floor(round / 2) + list.length
  const order = zigzag.map((place) => list[(place + shift) % list.length] as T)
  return round % 2 === 0 ? order : order.toReversed()
}
