import { Scheduler } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { type DiagramOptions, diagramOf, itemOf, type Part } from '../support/diagram.js'
import { expectAsComputed } from '../support/diagram-checks.js'
import { play } from '../support/diagram-run.js'
import { seedsOf } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'

/*
 * Where several items in a row are left out on one branch, the packets of the other branches pile up in front of the join:
 * with bounded queues, a join that waits for its inputs by position stands still. Every row is run with several settings,
 * and in a random order of events for each: none stands still, and all give what the reference computes.
 */
stillClock()

/** Items before those that are left out, and after them. */
const [BEFORE, AFTER] = [3, 5]
const IN_A_ROW = [0, 1, 2, 3, 5, 8, 13, 21, 31, 32, 33, 50]

interface Setting {
  /** Items that are left out in a row. */
  readonly inARow: number
  readonly queueSize: number
  /** Absent: as many frames as the engine itself allows. */
  readonly window: number | undefined
  readonly ordered: boolean
  readonly workers: number
}

/** What stands in the name of a test, and what it makes of a setting. */
type Row = readonly [name: string, graph: string, parts?: (setting: Setting) => Readonly<Record<string, Part>>]

/** Leaves out so many in a row, and gives so many for each of the others. */
const leavesOut = ({ inARow }: Setting, otherwise = 1): Part => ({
  gives: (value) => (itemOf(value) >= BEFORE && itemOf(value) < BEFORE + inARow ? 0 : otherwise),
})
/** Leaves out every so many. */
const leavesOutEvery = (n: number): Part => ({ gives: (value) => (itemOf(value) % n === 0 ? 0 : 1) })
const having = (properties: Part['properties'], part: Part = {}): Part => ({ ...part, properties: { ...properties } })

const DIAMONDS: readonly Row[] = [
  ['of two branches', 'S>F; F>A,B; A>J; B>J', (setting) => ({ A: leavesOut(setting) })],
  ['of a branch and an edge', 'S>F; F>A,J; A>J', (setting) => ({ A: leavesOut(setting) })],
  ['right behind a source', 'S>A,B; A>J; B>J; J>L', (setting) => ({ B: leavesOut(setting) })],
]

const REGIONS: readonly Row[] = [
  [
    'a branch that gives two, one that gives three, and lists of them',
    'S>F; F>A,B; A>J; B>J',
    (setting) => ({ A: { gives: 2 }, B: leavesOut(setting, 3), J: having({ collect: 'all' }) }),
  ],
  [
    'a branch that gives two, one that gives three, and each with each',
    'S>F; F>A,B; A>J; B>J; J>L',
    (setting) => ({ A: leavesOut(setting, 2), B: { gives: 3 }, J: having({ collect: 'product' }) }),
  ],
  [
    'a branch that gives two, one that gives three, and a join that wants one of each and skips the rest',
    'S>F; F>A,B; A>J; B>J; J>L',
    (setting) => ({ A: leavesOut(setting, 2), B: { gives: 3 }, J: having({ onError: 'skip' }) }),
  ],
  [
    'a branch that gives up to three, and a join that takes what there is',
    'S>F; F>A,B; A>J; B>J; J>L',
    (setting) => ({
      A: leavesOut(setting),
      B: { gives: (value) => itemOf(value) % 4 },
      J: having({ missing: 'partial', collect: 'product' }),
    }),
  ],
  [
    'a branch that gives up to two, and a join that fails for what is missing and skips it',
    'S>F; F>A,B; A>J; B>J; J>L',
    (setting) => ({
      A: leavesOut(setting),
      B: { gives: (value) => itemOf(value) % 3 },
      J: having({ missing: 'fail', collect: 'all', onError: 'skip' }),
    }),
  ],
  [
    'a fork that gives up to three, and branches that leave out',
    'S>F; F>A,B; A>J; B>J; J>L',
    (setting) => ({ F: { gives: (value) => itemOf(value) % 4 }, A: leavesOut(setting), B: leavesOutEvery(3) }),
  ],
  [
    'a diamond in a diamond',
    'S>A,B; A>C,D; C>J2; D>J2; J2>J; B>J; J>L',
    (setting) => ({ C: leavesOut(setting), B: leavesOutEvery(4) }),
  ],
  [
    'a diamond in a diamond, whose fork gives three',
    'S>F,J; F>J2,A; A>J2; J2>J; J>L',
    (setting) => ({ F: { gives: 3 }, A: leavesOut(setting), J: having({ collect: 'all' }) }),
  ],
  [
    'a diamond in a diamond in a diamond',
    'S>A,J1; A>B,J2; B>C,D; C>J3; D>J3; J3>J2; J2>J1',
    (setting) => ({ D: leavesOut(setting), B: leavesOutEvery(5) }),
  ],
  [
    'a diamond in each branch of a diamond',
    'S>A,B; A>A1,A2; A1>J1; A2>J1; B>B1,B2; B1>J2; B2>J2; J1>J; J2>J; J>L',
    (setting) => ({ A1: leavesOut(setting), B2: leavesOutEvery(3) }),
  ],
  [
    'regions that overlap',
    'S>F; F>B,G; G>X,Y; B>J1; X>J1,J2; Y>J2; J1>L; J2>M',
    (setting) => ({ X: leavesOut(setting), B: leavesOutEvery(4), Y: leavesOutEvery(5) }),
  ],
  [
    'two joins that share a fork',
    'S>F; F>A,B,C; A>J1; B>J1,J2; C>J2; J1>L; J2>M',
    (setting) => ({ A: leavesOutEvery(4), B: leavesOut(setting) }),
  ],
  [
    'two joins that share a fork, one behind the other',
    'S>F; F>A,J1,J2; A>J1; J1>J2; J2>L',
    (setting) => ({ A: leavesOut(setting) }),
  ],
  [
    'two diamonds, one behind the other',
    'S>A,B; A>J1; B>J1; J1>C,D; C>J2; D>J2; J2>L',
    (setting) => ({ A: leavesOutEvery(5), D: leavesOut(setting) }),
  ],
  [
    'a branch that is left before the join',
    'S>F; F>A,B; A>J,E; B>J; J>L; E>M',
    (setting) => ({ A: leavesOutEvery(4), B: leavesOut(setting) }),
  ],
  [
    'a branch that is left, and merged again behind the join',
    'S>F; F>A,B; A>J,E; B>J; J>M; E>M',
    (setting) => ({ A: leavesOutEvery(4), B: leavesOut(setting) }),
  ],
  [
    'a branch that is left for somebody who takes four',
    'S>F; F>A,J; A>J,E',
    (setting) => ({ A: leavesOut(setting), E: { takes: 4 } }),
  ],
  [
    'a join behind which somebody takes four',
    'S>F; F>A,J; A>J,E; J>L',
    (setting) => ({ A: leavesOut(setting), L: { takes: 4 } }),
  ],
  [
    'a switch in a branch, whose ways are merged',
    'S>F; F>X,J; X:even>A; X:odd>B; A>M; B>M; M>J; J>L',
    (setting) => ({ X: { by: (value) => (itemOf(value) % 2 ? 'odd' : 'even') }, A: leavesOut(setting) }),
  ],
  [
    'a switch in a region, and a join of its ways that takes what there is',
    'S>F; F>X,B; X:even>A; X:odd>C; A>J; B>J; C>J; J>L',
    (setting) => ({
      X: { by: (value) => (itemOf(value) % 2 ? 'odd' : 'even') },
      A: leavesOut(setting),
      J: having({ missing: 'partial' }),
    }),
  ],
  [
    'branches that are merged in front of the join',
    'S>A,B,C; A>M; B>M; M>J; C>J; J>L',
    (setting) => ({ A: leavesOut(setting), B: leavesOutEvery(2), J: having({ collect: 'all' }) }),
  ],
  [
    'two sources that are merged before the fork',
    'S>M; T>M; M>A,B; A>J; B>J; J>L',
    (setting) => ({ T: { items: 4 }, A: leavesOut(setting), B: leavesOutEvery(4) }),
  ],
]

const WINDOWS = [1, 2, undefined]
const CAPACITIES = [1, 2, 3]
const WORKERS = [1, 4]

/** Runs a row with one setting, in an order of events that is drawn from the seed. */
async function playRow([, graph, parts]: Row, setting: Setting, seed: number): Promise<void> {
  const { inARow, queueSize, window, ordered, workers } = setting
  const own = parts?.(setting) ?? {}
  const options: DiagramOptions = { items: BEFORE + inARow + AFTER, parts: own, properties: { queueSize, workers } }
  const diagram = diagramOf(graph, options)
}
