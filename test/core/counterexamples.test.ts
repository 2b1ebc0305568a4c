import { everySchedule, StalledError } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { playBatches } from '../support/batched-diagram.js'
import { type Diagram, type DiagramOptions, diagramOf, type Part } from '../support/diagram.js'
import { expectAsComputed } from '../support/diagram-checks.js'
import { play, type Windows } from '../support/diagram-run.js'
import { stillClock } from '../support/still-clock.js'

/*
 * Ten small graphs, each of which an earlier design of the joins got wrong: it stood still, or paired what does not belong
 * together. Here the engine runs them in every order in which their calls can end, and with every number of outputs that
 * the calls of some nodes can give. Queues have room for one packet, and forks for one frame, or two.
 *
 * SOAK=1 tries larger ones, where there are, which takes a minute.
 */
stillClock()

interface Case {
  readonly graph: string
  readonly options: DiagramOptions
  /** In place of `options`, with SOAK=1. */
  readonly larger?: DiagramOptions
}

const NONE_OR_ONE = [0, 1]
const UP_TO_TWO = [0, 1, 2]
const twoWorkers: Part = { properties: { workers: 2 } }
/** Gives none or one, by the schedule. */
const filters: Part = { gives: NONE_OR_ONE }
/** Gives up to two, by the schedule, and has two workers. */
const expandsByTwo: Part = { gives: UP_TO_TWO, ...twoWorkers }
/** Expects several values for an item. */
const collects: Part = { properties: { collect: 'all' } }

/** By the rule that each of them is about. */
const CASES: Readonly<Record<string, Case>> = {
  'C1: a credit is taken when an output is next to leave, and not before its input': {
    graph: 'S>F; F>J,A; A>J',
    options: { items: 2, parts: { F: expandsByTwo } },
    larger: { items: 2, parts: { F: { ...expandsByTwo, slowly: true } } },
  },
  'C2: a credit is taken when an output is next to leave, and not when its call returns': {
    graph: 'S>F; F>J,A; A>J',
    options: { items: 3, parts: { F: twoWorkers } },
    larger: { items: 3, parts: { F: { ...filters, ...twoWorkers } } },
  },
  'C3: a packet steps out of the frames that it needs no more, also where regions overlap': {
    graph: 'F>G,J1; G>X,J2; X>J1,J2',
    options: { items: 2, parts: { G: filters, X: filters } },
    larger: { items: 2, parts: { G: { gives: UP_TO_TWO }, J1: collects } },
  },
  'C4: a join keeps the frame for the next join of the same fork': {
    graph: 'F>A,J1,J2; A>J1; J1>J2',
    options: { items: 2, parts: { A: filters, J1: filters } },
    larger: { items: 3, parts: { A: filters, J1: filters } },
  },
  'C5: what leaves a region is not waited for': {
    graph: 'F>A,J; A>J,E',
    options: { items: 2, parts: { A: filters } },
    larger: { items: 3, parts: { A: filters } },
  },
  'C6: the credit of an inner frame does not wait for the frame around it': {
    graph: 'S>J,F; F>J2,A; A>J2; J2>J',
    options: { items: 1, parts: { F: { gives: [0, 1, 2, 3], slowly: true }, J: collects } },
    larger: { items: 2, parts: { F: { gives: UP_TO_TWO }, J: collects } },
  },
  // C7 and C8 are about batches, which hold what a join waits for: see below. Here K may hold two calls at once.
  'C7: a frame may have to wait for the one after it, in front of an ordered join': {
    graph: 'S>F; F>J,A; A>K; K>J',
    options: { items: 2, parts: { A: filters, K: twoWorkers } },
    larger: { items: 3, parts: { A: filters, K: twoWorkers } },
  },
  'C8: an inner region goes on while the one around it is full': {
    graph: 'S>F,J; F>J2,K; K>J2; J2>J',
    options: { items: 2, parts: { K: { ...filters, ...twoWorkers } } },
    larger: { items: 3, parts: { K: { ...filters, ...twoWorkers } } },
  },
  'C9: what is stored at an inner join still counts for the frame around it': {
    graph: 'F>J1,A,J2; A>J1; J1>J2',
    options: { items: 2, parts: { A: filters, J1: filters } },
    larger: { items: 3, parts: { A: filters, J1: filters } },
  },
  'C10: each output of a fork has a frame of its own': {
    graph: 'S>F; F>J,A; A>J',
    options: { items: 2, parts: { F: { gives: UP_TO_TWO } } },
    larger: { items: 2, parts: { F: { gives: UP_TO_TWO, slowly: true } } },
  },
}

const draw = (graph: string, options: DiagramOptions): Diagram =>
  diagramOf(graph, { ...options, properties: { queueSize: 1, ...options.properties } })

/** Tries every schedule; gives how many there are, and how many frames a fork had open at most. */
async function playAll(diagram: Diagram, windows: Windows): Promise<{ schedules: number; peak: number }> {
  let peak = 0
  const { schedules, complete } = await everySchedule(
    async (scheduler) => {
      const played = await play(diagram, scheduler, { windows })
      expectAsComputed(diagram, played)
      peak = Math.max(peak, ...played.windows.map((window) => window.peak))
    },
    { most: Number.POSITIVE_INFINITY },
  )
  expect(complete).toBe(true)
  return { schedules, peak }
}

describe.each(Object.entries(CASES))('%s', { timeout: 120_000 }, (_, { graph, options, larger = options }) => {
  const diagram = draw(graph, process.env.SOAK === undefined ? options : larger)

  test.for([1, 2])('in every order of events, with a window of %i', async (window) => {
    const { schedules, peak } = await playAll(diagram, window)
    expect(schedules, 'orders of events').toBeGreaterThan(10)
    expect(peak, 'frames that were open at once').toBe(window)
  })
})

describe('a node that holds two calls until both have come', () => {
  const pairs: Part = { meets: 2, properties: { workers: 2 } }

  describe('in front of an ordered join (C7)', () => {
    const diagram = draw('S>F; F>J,A; A>K; K>J', { items: 2, parts: { K: pairs } })

    test('gets both where there is room for two frames', async () => {
      expect((await playAll(diagram, 2)).schedules).toBeGreaterThan(3)
    })

    test('waits for ever where there is room for one: the window is really no larger', async () => {
      const { complete } = await everySchedule((scheduler) =>
        expect(play(diagram, scheduler, { windows: 1 })).rejects.toBeInstanceOf(StalledError),
      )
      expect(complete).toBe(true)
    })
  })

  describe('in an inner region (C8)', () => {
    const graph = 'S>F,J; F>J2,K; K>J2; J2>J'
    const expands = draw(graph, { items: 2, parts: { F: { gives: 2 }, K: pairs, J: collects } })
    const maps = draw(graph, { items: 2, parts: { K: pairs } })

    test('gets two outputs of one item, however little room there is around', async () => {
      expect((await playAll(expands, { S: 1, F: 2 })).peak).toBe(2)
    })

    test('gets the outputs of two items where there is room for both', async () => {
      expect((await playAll(maps, 2)).peak).toBe(2)
    })

    test.for([
      ['two outputs of one item', expands, { S: 2, F: 1 }],
      ['the outputs of two items', maps, { S: 1, F: 2 }],
    ] as const)('waits for ever for %s without room for both', async ([, diagram, windows]) => {
      const { complete } = await everySchedule((scheduler) =>
        expect(play(diagram, scheduler, { windows })).rejects.toBeInstanceOf(StalledError),
      )
      expect(complete).toBe(true)
    })
  })
})

const batchOf = (size: number): Part => ({ properties: { batch: { size, returns: 'each' } } })

/** With batches at K. In each of them a join waits for what a batch holds, which waits for more. */
const BATCHES: Readonly<Record<string, Case>> = {
  'in front of an ordered join (C7)': {
    graph: 'S>F; F>J,A; A>K; K>J',
    options: { items: 2, parts: { A: filters, K: batchOf(2) } },
    larger: { items: 3, parts: { A: filters, K: batchOf(2) } },
  },
  'larger than the window, in front of an ordered join': {
    graph: 'S>F; F>J,A; A>K; K>J',
    options: { items: 3, parts: { K: batchOf(5) } },
    larger: { items: 3, parts: { A: filters, K: batchOf(5) } },
  },
  'with two workers': {
    graph: 'S>F; F>J,K; K>J',
    options: { items: 3, parts: { K: { properties: { workers: 2, batch: { size: 2, returns: 'each' } } } } },
  },
  'in an inner region (C8)': {
    graph: 'S>F,J; F>J2,K; K>J2; J2>J',
    options: { items: 3, parts: { K: batchOf(2) } },
  },
  'in an inner region whose fork gives up to two': {
    graph: 'S>F,J; F>J2,K; K>J2; J2>J',
    options: { items: 2, parts: { F: { gives: UP_TO_TWO }, K: batchOf(3), J: collects } },
    larger: { items: 3, parts: { F: { gives: UP_TO_TWO }, K: batchOf(3), J: collects } },
  },
  'at the join of an inner region': {
    graph: 'S>F,J; F>J2,K; K>J2; J2>J',
    options: { items: 2, parts: { K: filters, J2: batchOf(3) } },
    larger: { items: 3, parts: { K: filters, J2: batchOf(3) } },
  },
  'in two branches': {
    graph: 'S>A,K; A>J; K>J',
    options: { items: 3, parts: { A: batchOf(2), K: batchOf(3) } },
  },
  'behind another one': {
    graph: 'S>J,A; A>K; K>J',
    options: { items: 3, parts: { A: batchOf(2), K: batchOf(3) } },
  },
}

describe.each(Object.entries(BATCHES))(
  'a batch %s',
  { timeout: 120_000 },
  (_, { graph, options, larger = options }) => {
    const diagram = draw(graph, process.env.SOAK === undefined ? options : larger)

    test.for([1, 2])('goes ahead in every order of events, with a window of %i', async (window) => {
      const sizes: number[] = []
      let peak = 0
      const { schedules, complete } = await everySchedule(
        async (scheduler) => {
          const played = await playBatches(diagram, scheduler, window)
          expectAsComputed(diagram, played)
          sizes.push(...played.sizes)
          peak = Math.max(peak, ...played.windows.map((window) => window.peak))
        },
        { most: Number.POSITIVE_INFINITY },
      )
      expect(complete).toBe(true)
      expect(schedules, 'orders of events').toBeGreaterThan(3)
      expect(peak, 'frames that were open at once').toBe(Math.min(window, 2))
      expect(Math.min(...sizes), 'batches that were not full').toBe(1)
    })
  },
)
