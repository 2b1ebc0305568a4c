import { FIGURES, type Figure, type Figures, times } from './figures.js'
import { ratio } from './statistics.js'

/**
 * What a row of ours has to reach. Against several peers the fastest of them counts.
 * - `time`: our time by theirs
 * - `speed`: their time by ours
 * - `figure`: a figure of the row, whatever the others do
 */
export type Target =
  | { readonly kind: 'time'; readonly ours: string; readonly of: readonly string[]; readonly atMost: number }
  | { readonly kind: 'speed'; readonly ours: string; readonly of: readonly string[]; readonly atLeast: number }
  | { readonly kind: 'figure'; readonly ours: string; readonly figure: Figure; readonly atMost: number }

export interface Verdict {
  readonly target: string
  readonly value: number
  /** `value`, as people read it. */
  readonly shown: string
  readonly met: boolean
}

/** The part of a row that targets look at. */
export interface Measured {
  readonly name: string
  readonly figures: Figures
  readonly samples?: readonly number[]
}

/**
 * A figure that is not a number meets nothing.
 *
 * @throws when a target names a row or a figure that there is not
 */
export function judge(target: Target, rows: readonly Measured[]): Verdict {
  switch (target.kind) {
    case 'time': {
      const { peer, time } = fastest(target.ours, target.of, rows)
      const text = `${target.ours} ≤ ${limit(target.atMost)} the time of ${named(peer, target.of)}`
      return { target: text, value: time, shown: times(time), met: time <= target.atMost }
    }
    case 'speed': {
      const { peer, time } = fastest(target.ours, target.of, rows)
      const value = 1 / time
      const text = `${target.ours} ≥ ${limit(target.atLeast)} as fast as ${named(peer, target.of)}`
      return { target: text, value, shown: times(value), met: value >= target.atLeast }
    }
    case 'figure': {
      const value = rowOf(target.ours, rows).figures[target.figure]
      if (value === undefined) throw new Error(`row "${target.ours}" has no ${target.figure}`)
      const { head, show } = FIGURES[target.figure]
      const text = `${target.ours}: ${head} ≤ ${target.atMost}`
      return { target: text, value, shown: show(value), met: value <= target.atMost }
    }
    default:
      return target satisfies never
  }
}

/** Our time by that of the peer for which this is most; a time that is not a number is kept, since it meets nothing. */
function fastest(ours: string, peers: readonly string[], rows: readonly Measured[]): { peer: string; time: number } {
  const mine = samplesOf(ours, rows)
  return peers
    .map((peer) => ({ peer, time: ratio(mine, samplesOf(peer, rows)) }))
    .reduce((one, other) => (other.time > one.time || Number.isNaN(other.time) ? other : one))
}

function samplesOf(name: string, rows: readonly Measured[]): readonly number[] {
  const { samples } = rowOf(name, rows)
  if (samples === undefined) throw new Error(`row "${name}" is not part of a race`)
  return samples
}

function rowOf(name: string, rows: readonly Measured[]): Measured {
  const found = rows.find((row) => row.name === name)
  if (found === undefined) throw new Error(`no row "${name}"`)
  return found
}

function limit(value: number): string {
  return `${Number.isInteger(value) ? value.toFixed(value < 10 ? 1 : 0) : value} ×`
}

function named(peer: string, peers: readonly string[]): string {
  return peers.length === 1 ? peer : `the fastest of ${peers.length} (${peer})`
}
