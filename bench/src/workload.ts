import type { Figure, Figures } from './figures.js'
import type { ServerName } from './http/servers.js'
import type { Target, Verdict } from './targets.js'

/** `full` is what the table shows, `short` what the check measures, `quick` only shows that all is right. */
export type Size = 'full' | 'short' | 'quick'

/** How much is to be done. */
export interface Scale {
  readonly size: Size
  readonly rounds: number
  /** Names of the contestants that take part; all of them if not given. */
  readonly only?: readonly string[]
}

/** One question, answered in a process of its own. */
export interface Workload {
  readonly name: string
  readonly parts: readonly (Race | Load | Probe)[]
}

/** The same work, done by several contestants in turn. */
export interface Race {
  readonly kind: 'race'
  readonly title: string
  readonly items: Readonly<Record<Size, number>>
  /** What a time is counted in; `msPerRun`, `msPerItem` and `usPerItem` are time on the wall, the others processor time. */
  readonly figure: 'nsPerItem' | 'nsPerHop' | 'usPerRound' | 'msPerRun' | 'msPerItem' | 'usPerItem'
  /** What every contestant has to come to. */
  readonly checksum: (items: number) => number
  /** The first is the row of ours that the others are compared with. */
  readonly contestants: readonly Contestant[]
  readonly targets: readonly Target[]
  /** Ends what contestants have kept between their runs. */
  readonly close?: () => Promise<unknown>
}

/** One way of doing the work of a race. */
export interface Contestant {
  readonly name: string
  readonly ours?: boolean
  /** Whether what it holds is bounded however slow the receiver is. */
  readonly bounds: boolean
  /** Does all of the work once and gives the checksum of what came out. */
  readonly run: (items: number) => number | Promise<number>
  /** The part of the items that it does, if it is too slow for all; it is compared per item. */
  readonly share?: number
  /** Hops of one item. */
  readonly hops?: number
  /** In place of that of the race. */
  readonly checksum?: (items: number) => number
}

/** The same requests, answered by several routes of one server in turn. */
export interface Load {
  readonly kind: 'load'
  readonly title: string
  readonly server: ServerName
  /** How many each route gets in a round. */
  readonly requests: Readonly<Record<Size, number>>
  /** The first is the row of ours that the others are compared with. */
  readonly contestants: readonly Visited[]
  readonly targets: readonly Target[]
}

/** One way of answering the requests of a load. */
export interface Visited {
  readonly name: string
  readonly ours?: boolean
  readonly path: string
}

/** Something else than a race: what is found out is up to each row. */
export interface Probe {
  readonly kind: 'probe'
  readonly title: (size: Size) => string
  readonly columns: readonly Figure[]
  readonly rows: readonly ProbeRow[]
  readonly targets: readonly Target[]
}

export interface ProbeRow {
  readonly name: string
  readonly ours?: boolean
  readonly measure: (size: Size) => Promise<Figures>
}

/** What a part of a workload found out. */
export interface Block {
  readonly title: string
  readonly columns: readonly Figure[]
  readonly rows: readonly Row[]
  readonly verdicts: readonly Verdict[]
}

export interface Row {
  readonly name: string
  readonly ours: boolean
  readonly bounds?: boolean
  readonly figures: Figures
  /** Times, round by round: rows are compared within a round. */
  readonly samples?: readonly number[]
}

export function itemsOf({ share = 1 }: Contestant, items: number): number {
  return Math.max(1, Math.round(items * share))
}
