import type { RunReport } from '@pipelines/core'
import type { Pipeline } from '@pipelines/plumber'
import { gate } from '@pipelines/testkit'
import { expect } from 'vitest'
import { OutputStream, type Pour } from '../../../packages/plumber/src/output-stream.js'
import { anyMoment, doomedBy, type Ending, endingOf, type Fault, failedAt, madeOnly, type Target } from './fault.js'
import { between, changed, isLeaf, isSource, type MatrixGraph, type MatrixNode, plus } from './graphs.js'
import { Model } from './model.js'
import type { Trial } from './trial.js'

/*
 * F5, F7 to F10 and F12: what sources, consumers and callers do to a run.
 */

/** A consumer that takes nothing until nobody can do anything any more; then it does, or the run is doomed. */
function slow(then: 'goes on' | 'is doomed'): Fault['strike'] {
  return ({ model }) => {
    const consumer = gate()
    return {
      act: async (trial) => {
        const pipeline = trial.start(async (output) => {
          await trial.note(output)
          await consumer.opened
        })
        await trial.drive(pipeline.settled)
        expectBounded(trial)
        if (then === 'goes on') consumer.open()
        else void pipeline.doomsday('too slow')
      },
      ending: (trial) => (trial.doomed ? doomedBy('too slow') : endingOf(model)),
    }
  }
}

/** Asserts that while a consumer takes nothing, every edge and every node holds what it may hold and no more. */
function expectBounded({ pipeline, graph, made }: Trial): void {
  const { nodes, edges } = pipeline.snapshot()
  for (const { from, to, depth, capacity } of edges)
    expect(depth, `depth of ${from} to ${to}`).toBeLessThanOrEqual(capacity)
  for (const node of graph.nodes) {
    const { name, inputs, join, properties } = node
    const { collect, workers = 1, batch } = properties
    const { inProgress = 0, emitted = 0 } = nodes[name] ?? {}
    const most = workers * (batch?.size ?? 1) * (join === undefined ? 1 : inputs.length)
    if (isSource(node)) expect((made.get(name)?.length ?? 0) - emitted, `waiting in ${name}`).toBeLessThanOrEqual(1)
    else if (collect !== 'all') expect(inProgress, `in progress in ${name}`).toBeLessThanOrEqual(most)
  }
}

const failingSource: Fault['strike'] = ({ graph, random }) => {
  const victim = random.pick(graph.nodes.filter(isSource))
  const place = random.integer(0, victim.items)
  const error = new Error('the source broke')
  return {
    graph: changed(graph, ({ name, style }) =>
      name === victim.name && style === 'inlet' ? { style: 'asyncGenerator' } : undefined,
    ),
    source: (node, at, trial) => {
      if (node.name === victim.name && at === place) throw trial.fails(error, node)
      return undefined
    },
    ending: () => failedAt(victim, error),
  }
}

/** What the caller does at any moment, and now and then a second time later. */
type Interference = (trial: Trial, later: () => Promise<void>) => unknown

function interfering(interfere: Interference, ending: (target: Target, trial: Trial) => Ending): Fault['strike'] {
  return (target) => {
    const [moment, rest] = [anyMoment(target), target.random.integer(0, 20)]
    return {
      act: async (trial) => {
        const { settled } = trial.start()
        await trial.drive(settled, moment)
        await interfere(trial, async () => void (await trial.drive(settled, rest)))
      },
      ending: (trial) => ending(target, trial),
    }
  }
}

const drained = (_: Target, trial: Trial): Ending => endingOf(madeOnly(trial))
const doomed =
  (reason: unknown) =>
  (target: Target, trial: Trial): Ending =>
    trial.doomed ? doomedBy(reason) : drained(target, trial)

/** A drain, and a while later something else: all of them are one ending. */
function twice(
  second: (pipeline: Pipeline) => Promise<RunReport>[],
  ending: (target: Target, trial: Trial) => Ending,
): Fault['strike'] {
  return interfering(async (trial, later) => {
    const { pipeline } = trial
    const first = pipeline.drain()
    await later()
    const others = second(pipeline)
    await trial.drive(first)
    for (const other of others) expect(await other, 'the report').toBe(await first)
  }, ending)
}

const GONE = new Error('the caller has gone')

/** How many more items sources have than they usually do, where the caller leaves before the end. */
const MANY = 20
const WIDE = 60

/** The caller takes a few outputs and leaves the loop. */
const leaving: Fault['strike'] = (target) => {
  const { random } = target
  const graph = changed(target.graph, ({ items }) => ({ items: items * MANY }))
  const wanted = random.integer(1, 10)
  let seen = 0
  const loop = async (trial: Trial): Promise<void> => {
    const pour: Pour = (take, letGo) => {
      const pipeline = trial.start(async (output) => {
        await trial.note(output)
        await take(output)
      })
      pipeline.on('state', ({ to }) => to === 'doomed' && letGo())
      return { ended: pipeline.settled, leave: () => pipeline.closeOutputs() }
    }
    for await (const _ of new OutputStream(pour)) if (++seen === wanted) break
  }
  return {
    graph,
    act: async (trial) => {
      const left = loop(trial)
      expect(await trial.drive(left), 'the loop').toBe('over')
      await left
    },
    ending: ({ made }) => {
      expect(seen, 'outputs seen').toBe(wanted)
      const all = graph.nodes.reduce((sum, { items }) => sum + items, 0)
      // A wide graph may hold all of them.
      if (graph.nodes.length < WIDE) expect([...made.values()].flat().length, 'items made').toBeLessThan(all)
      return { outcome: 'completed', closes: true, possible: new Model(graph) }
    },
  }
}

/** A node that takes some items and is done. */
const taking = (items: number) => ({ name: 'first', work: 'take', items }) as const

/** What a graph gives if its node that is done early never is. */
function untaken(graph: MatrixGraph): Model {
  return new Model(changed(graph, ({ work }) => (work === 'take' ? { items: Number.POSITIVE_INFINITY } : undefined)))
}

/** A leaf, and how many of its outputs are wanted. */
function wantedOf({ graph, model, random }: Target): { leaf: string; wanted: number; available: number } {
  const { name } = random.pick(graph.nodes.filter((node) => isLeaf(graph, node) && !isSource(node)))
  const available = model.outputs.get(name)?.length ?? 0
  return { leaf: name, wanted: random.integer(1, Math.max(1, available)), available }
}

const closingLeaf: Fault['strike'] = (target) => {
  const { leaf, wanted, available } = wantedOf(target)
  const graph = plus(target.graph, { ...taking(wanted), inputs: [leaf] })
  return {
    graph,
    ending: (trial) => {
      expect(trial.outputs.get('first')?.length ?? 0, 'outputs taken').toBe(Math.min(wanted, available))
      return { outcome: 'completed', closes: true, possible: untaken(graph) }
    },
  }
}

const closingBesideAnother: Fault['strike'] = (target) => {
  const { leaf, wanted } = wantedOf(target)
  const taken = plus(target.graph, { ...taking(wanted), inputs: [leaf] })
  const graph = plus(taken, { name: 'all', inputs: [leaf], work: 'map' })
  return { graph, ending: () => ({ ...endingOf(new Model(graph)), except: 'first', possible: untaken(graph) }) }
}

const closingInside: Fault['strike'] = ({ graph, model, random }) => {
  const edges = graph.nodes
    .filter((node) => !isChoosy(graph, node))
    .flatMap(({ name, inputs }) => inputs.map((from) => [from, name] as const))
  const [from, to] = random.pick(edges)
  const most = Math.max(1, model.counts.get(from)?.emitted ?? 0)
  const cut = between(graph, [from, to], taking(random.integer(1, most)))
  const ending = endingOf(new Model(cut))
  return {
    graph: cut,
    ending: () => ({
      outcome: ending.outcome,
      ...(ending.error && { error: ending.error }),
      closes: true,
      possible: untaken(cut),
    }),
  }
}

/** Whether a node, or one behind it, makes another tuple where something is missing. */
function isChoosy(graph: MatrixGraph, { name, properties }: MatrixNode): boolean {
  if (properties.missing === 'partial' || properties.collect === 'all') return true
  return graph.nodes.some((node) => node.inputs.includes(name) && isChoosy(graph, node))
}

export const FAULTS_OF_RUNS: readonly Fault[] = [
  { name: 'F5 a consumer is slow', strike: slow('goes on') },
  { name: 'F5 a consumer is slow, and the run is doomed', strike: slow('is doomed') },
  { name: 'F7 a source fails in mid-stream', strike: failingSource },
  {
    name: 'F8 the run is doomed at any moment',
    strike: interfering(({ pipeline }) => void pipeline.doomsday('enough'), doomed('enough')),
  },
  {
    name: "F8 the caller's signal aborts at any moment",
    strike: interfering(
      ({ caller }) => caller.abort(GONE),
      (target, trial) => {
        const ending = doomed(GONE)(target, trial)
        return trial.doomed ? { ...ending, cause: GONE } : ending
      },
    ),
  },
  {
    name: 'F9 the run is drained at any moment',
    strike: interfering(({ pipeline }) => void pipeline.drain(), drained),
  },
  {
    name: 'F10 a drain is followed by doomsday',
    strike: twice((pipeline) => [pipeline.doomsday('now')], doomed('now')),
  },
  {
    name: 'F10 a drain is followed by doomsday, twice',
    strike: twice((pipeline) => [pipeline.doomsday('first'), pipeline.doomsday('second')], doomed('first')),
  },
  {
    name: 'F10 a drain is followed by a drain',
    strike: twice((pipeline) => [pipeline.drain({ deadlineMs: 1 })], drained),
  },
  { name: 'F12 the caller leaves the loop', strike: leaving },
  { name: 'F12 the only consumer wants no more', strike: closingLeaf },
  { name: 'F12 one of two consumers wants no more', strike: closingBesideAnother },
  { name: 'F12 a node wants no more', strike: closingInside },
]
