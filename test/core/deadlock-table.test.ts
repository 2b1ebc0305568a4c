import { randomOf, Scheduler } from '@pipelines/testkit'
import { describe, test } from 'vitest'
import { playBatches } from '../support/batched-diagram.js'
import { diagramOf, itemOf, type Part } from '../support/diagram.js'
import { expectAsComputed } from '../support/diagram-checks.js'
import { play } from '../support/diagram-run.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
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

interface Row {
  readonly graph: string
  /** The nodes that do not give one output for each input, by how many items are left out in a row. */
  readonly parts: (inARow: number) => Readonly<Record<string, Part>>
}

/** Leaves out so many items in a row, and gives so many for each of the others. */
const leavesOut = (inARow: number, otherwise = 1): Part => ({
  gives: (value) => (itemOf(value) >= BEFORE && itemOf(value) < BEFORE + inARow ? 0 : otherwise),
})
/** Leaves out every so many. */
const leavesOutEvery = (n: number): Part => ({ gives: (value) => (itemOf(value) % n === 0 ? 0 : 1) })
const having = (properties: Part['properties'], part: Part = {}): Part => ({ ...part, properties: { ...properties } })

const DIAMONDS: Readonly<Record<string, Row>> = {
  'of two branches': { graph: 'S>F; F>A,B; A>J; B>J', parts: (inARow) => ({ A: leavesOut(inARow) }) },
  'of a branch and an edge': { graph: 'S>F; F>A,J; A>J', parts: (inARow) => ({ A: leavesOut(inARow) }) },
  'right behind a source': { graph: 'S>A,B; A>J; B>J; J>L', parts: (inARow) => ({ B: leavesOut(inARow) }) },
}

const REGIONS: Readonly<Record<string, Row>> = {
  'a branch that gives two, one that gives three, and lists of them': {
    graph: 'S>F; F>A,B; A>J; B>J',
    parts: (inARow) => ({ A: { gives: 2 }, B: leavesOut(inARow, 3), J: having({ collect: 'all' }) }),
  },
  'a branch that gives two, one that gives three, and each with each': {
    graph: 'S>F; F>A,B; A>J; B>J; J>L',
    parts: (inARow) => ({ A: leavesOut(inARow, 2), B: { gives: 3 }, J: having({ collect: 'product' }) }),
  },
  'a branch that gives two, one that gives three, and a join that wants one of each and skips the rest': {
    graph: 'S>F; F>A,B; A>J; B>J; J>L',
    parts: (inARow) => ({ A: leavesOut(inARow, 2), B: { gives: 3 }, J: having({ onError: 'skip' }) }),
  },
  'a branch that gives up to three, and a join that takes what there is': {
    graph: 'S>F; F>A,B; A>J; B>J; J>L',
    parts: (inARow) => ({
      A: leavesOut(inARow),
      B: { gives: (value) => itemOf(value) % 4 },
      J: having({ missing: 'partial', collect: 'product' }),
    }),
  },
  'a branch that gives up to two, and a join that fails for what is missing and skips it': {
    graph: 'S>F; F>A,B; A>J; B>J; J>L',
    parts: (inARow) => ({
      A: leavesOut(inARow),
      B: { gives: (value) => itemOf(value) % 3 },
      J: having({ missing: 'fail', collect: 'all', onError: 'skip' }),
    }),
  },
  'a fork that gives up to three, and branches that leave out': {
    graph: 'S>F; F>A,B; A>J; B>J; J>L',
    parts: (inARow) => ({ F: { gives: (value) => itemOf(value) % 4 }, A: leavesOut(inARow), B: leavesOutEvery(3) }),
  },
  'a diamond in a diamond': {
    graph: 'S>A,B; A>C,D; C>J2; D>J2; J2>J; B>J; J>L',
    parts: (inARow) => ({ C: leavesOut(inARow), B: leavesOutEvery(4) }),
  },
  'a diamond in a diamond, whose fork gives three': {
    graph: 'S>F,J; F>J2,A; A>J2; J2>J; J>L',
    parts: (inARow) => ({ F: { gives: 3 }, A: leavesOut(inARow), J: having({ collect: 'all' }) }),
  },
  'a diamond in a diamond in a diamond': {
    graph: 'S>A,J1; A>B,J2; B>C,D; C>J3; D>J3; J3>J2; J2>J1',
    parts: (inARow) => ({ D: leavesOut(inARow), B: leavesOutEvery(5) }),
  },
  'a diamond in a diamond, whose join gives each with each': {
    graph: 'S>F,J; F>A,B; A>J2; B>J2; J2>J; J>L',
    parts: (inARow) => ({
      A: leavesOut(inARow, 2),
      B: { gives: 2 },
      J2: having({ collect: 'product' }),
      J: having({ collect: 'all' }),
    }),
  },
  'a diamond in each branch of a diamond': {
    graph: 'S>A,B; A>A1,A2; A1>J1; A2>J1; B>B1,B2; B1>J2; B2>J2; J1>J; J2>J; J>L',
    parts: (inARow) => ({ A1: leavesOut(inARow), B2: leavesOutEvery(3) }),
  },
  'regions that overlap': {
    graph: 'S>F; F>B,G; G>X,Y; B>J1; X>J1,J2; Y>J2; J1>L; J2>M',
    parts: (inARow) => ({ X: leavesOut(inARow), B: leavesOutEvery(4), Y: leavesOutEvery(5) }),
  },
  'two joins that share a fork': {
    graph: 'S>F; F>A,B,C; A>J1; B>J1,J2; C>J2; J1>L; J2>M',
    parts: (inARow) => ({ A: leavesOutEvery(4), B: leavesOut(inARow) }),
  },
  'two joins that share a fork, one behind the other': {
    graph: 'S>F; F>A,J1,J2; A>J1; J1>J2; J2>L',
    parts: (inARow) => ({ A: leavesOut(inARow) }),
  },
  'two diamonds, one behind the other': {
    graph: 'S>A,B; A>J1; B>J1; J1>C,D; C>J2; D>J2; J2>L',
    parts: (inARow) => ({ A: leavesOutEvery(5), D: leavesOut(inARow) }),
  },
  'a branch that is left before the join': {
    graph: 'S>F; F>A,B; A>J,E; B>J; J>L; E>M',
    parts: (inARow) => ({ A: leavesOutEvery(4), B: leavesOut(inARow) }),
  },
  'a branch that is left, and merged again behind the join': {
    graph: 'S>F; F>A,B; A>J,E; B>J; J>M; E>M',
    parts: (inARow) => ({ A: leavesOutEvery(4), B: leavesOut(inARow) }),
  },
  'a branch that is left for somebody who takes four': {
    graph: 'S>F; F>A,J; A>J,E',
    parts: (inARow) => ({ A: leavesOut(inARow), E: having({ workers: 1 }, { takes: 4 }) }),
  },
  'a join behind which somebody takes four': {
    graph: 'S>F; F>A,J; A>J,E; J>L',
    parts: (inARow) => ({ A: leavesOut(inARow), L: having({ workers: 1 }, { takes: 4 }) }),
  },
  'a branch in which somebody takes four': {
    graph: 'S>F; F>A,B; A>T; T>J; B>J; J>L',
    parts: (inARow) => ({ T: having({ workers: 1 }, { takes: 4 }), B: leavesOut(inARow) }),
  },
  'a switch in a branch, whose ways are merged': {
    graph: 'S>F; F>X,J; X:even>A; X:odd>B; A>M; B>M; M>J; J>L',
    parts: (inARow) => ({ X: { by: (value) => (itemOf(value) % 2 ? 'odd' : 'even') }, A: leavesOut(inARow) }),
  },
  'a switch in a region, and a join of its ways that takes what there is': {
    graph: 'S>F; F>X,B; X:even>A; X:odd>C; A>J; B>J; C>J; J>L',
    parts: (inARow) => ({
      X: { by: (value) => (itemOf(value) % 2 ? 'odd' : 'even') },
      A: leavesOut(inARow),
      J: having({ missing: 'partial' }),
    }),
  },
  'branches that are merged in front of the join': {
    graph: 'S>A,B,C; A>M; B>M; M>J; C>J; J>L',
    parts: (inARow) => ({ A: leavesOut(inARow), B: leavesOutEvery(2), J: having({ collect: 'all' }) }),
  },
  'two sources that are merged before the fork': {
    graph: 'S>M; T>M; M>A,B; A>J; B>J; J>L',
    parts: (inARow) => ({ T: { items: 4 }, A: leavesOut(inARow), B: leavesOutEvery(4) }),
  },
}

/** Batches of so many. */
const batches = (size: number, part: Part = {}): Part => having({ batch: { size, returns: 'each' } }, part)

const BATCHES: Readonly<Record<string, Row>> = {
  'a batch larger than the window': {
    graph: 'S>F; F>A,K; A>J; K>J; J>L',
    parts: (inARow) => ({ A: leavesOut(inARow), K: batches(40) }),
  },
  'a batch larger than the window, behind a branch that leaves out': {
    graph: 'S>F; F>A,J; A>K; K>J; J>L',
    parts: (inARow) => ({ A: leavesOut(inARow), K: batches(40) }),
  },
  'a batch that leaves out': {
    graph: 'S>F; F>K,J; K>J; J>L',
    parts: (inARow) => ({ K: batches(7, leavesOut(inARow)) }),
  },
  'batches in both branches, one of which leaves out': {
    graph: 'S>F; F>A,K; A>J; K>J; J>L',
    parts: (inARow) => ({ A: batches(40, leavesOut(inARow)), K: batches(3) }),
  },
  'a batch in a diamond in a diamond': {
    graph: 'S>F,J; F>J2,A; A>K; K>J2; J2>J; J>L',
    parts: (inARow) => ({ A: leavesOut(inARow), K: batches(40) }),
  },
  'a batch at the join of a diamond in a diamond': {
    graph: 'S>F,J; F>J2,A; A>J2; J2>J; J>L',
    parts: (inARow) => ({ F: { gives: 3 }, A: leavesOut(inARow), J2: batches(40), J: having({ collect: 'all' }) }),
  },
  'a batch in a branch that is left before the join': {
    graph: 'S>F; F>A,B; A>J,K; B>J; J>L; K>M',
    parts: (inARow) => ({ A: leavesOutEvery(4), B: leavesOut(inARow), K: batches(40) }),
  },
}

/** Every way to choose these; `window` is absent where the engine itself decides. */
const SETTINGS = [1, 2, undefined].flatMap((window) =>
  [1, 2, 3].flatMap((queueSize) =>
    [true, false].flatMap((ordered) => [1, 4].map((workers) => ({ window, queueSize, ordered, workers }))),
  ),
)
/** Each setting once, each in another order of events; with SOAK=1, each in ten. */
const seeds = seedsOf(SETTINGS.length, 10 * SETTINGS.length)

describe.each(Object.entries(DIAMONDS))('a diamond %s', (_, row) => {
  test.for(IN_A_ROW)('goes on when %i items in a row are left out', manySeeds, async (inARow) => {
    for (const seed of seeds) await withSeed(seed, () => playRow(row, inARow, seed))
  })
})

describe('nothing stands still in', () => {
  test.for(Object.entries(REGIONS))('%s', manySeeds, async ([, row]) => {
    for (const seed of seeds) await withSeed(seed, () => playRow(row, randomOf(seed).pick(IN_A_ROW), seed))
  })
})

describe('nothing stands still in', () => {
  test.for(Object.entries(BATCHES))('%s', manySeeds, async ([, row]) => {
    for (const seed of seeds) await withSeed(seed, () => playRow(row, randomOf(seed).pick(IN_A_ROW), seed))
  })
})

/** Runs a row with one of the settings, in an order of events that is drawn from the seed. */
async function playRow({ graph, parts }: Row, inARow: number, seed: number): Promise<void> {
  const setting = SETTINGS[(seed - 1) % SETTINGS.length]
  if (setting === undefined) throw new RangeError('There is no such setting.')
  const { window, queueSize, ordered, workers } = setting
  const diagram = diagramOf(graph, {
    items: BEFORE + inARow + AFTER,
    parts: parts(inARow),
    properties: { queueSize, workers },
    ofJoins: { ordered },
  })
  const scheduler = new Scheduler(seed)
  const played = diagram.nodes.some(({ properties }) => properties.batch !== undefined)
    ? playBatches(diagram, scheduler, window)
    : play(diagram, scheduler, { windows: window, lookEvery: 8 })
  expectAsComputed(diagram, await played)
}
