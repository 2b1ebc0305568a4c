import type { RunOptions } from '@pipelines/plumber'
import { hashOf, noLeaks, randomOf } from '@pipelines/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { manySeeds, seedsOf, withSeed } from '../../support/seeds.js'
import { expectAmong, expectSound } from './checks.js'
import type { Fault } from './fault.js'
import { FAULTS } from './faults.js'
import { type Column, GRAPHS } from './graphs.js'
import { Model } from './model.js'
import { Trial } from './trial.js'

/*
 * Every graph with every fault. Whatever happens, the run ends as defined and in time, every value that entered has one
 * verdict, the books balance, the counts are those of a model without queues and time, and nothing is left behind.
 *
 * The settings of the graph, the place of the fault and the order of events are drawn from a seed:
 *     SEED=3 npx vitest run --project e2e test/e2e/fault-matrix -t 'G3 a diamond: F8'
 */
const seeds = seedsOf(1, 8)

/** How the whole matrix is run. */
interface Mode {
  readonly options: RunOptions
  /** The share of calls that do not wait. */
  readonly synchronous?: number
  /** Of so many cells, one is tried. */
  readonly oneIn: number
}

/** Where a ledger is kept, and where calls wait, there are no call chains. */
const MODES: Readonly<Record<string, Mode>> = {
  'as usual': { options: {}, oneIn: 1 },
  'in chains': { options: { ledger: false }, synchronous: 0.95, oneIn: 1 },
  'where it could be in chains, without': { options: { ledger: false, fuse: false }, synchronous: 0.95, oneIn: 3 },
}

interface Cell {
  readonly column: Column
  readonly fault: Fault
  readonly mode: Mode
}

/** How the runs of each fault have ended so far. */
const endings = new Map<string, string[]>()

async function expectCell(seed: number, { column, fault, mode: { options, synchronous } }: Cell): Promise<void> {
  const random = randomOf(hashOf(`${seed} ${column.name} ${fault.name}`))
  const graph = column.draw(random)
  const model = new Model(graph)
  const strike = fault.strike({ graph, model, random })
  const trial = new Trial(strike.graph ?? graph, strike, {
    seed: random.integer(1, 1e9),
    options,
    ...(synchronous !== undefined && { synchronous }),
  })
  onTestFinished(() => trial.restore())
  const report = await noLeaks(() => trial.run())
  const ending = strike.ending(trial)
  expectSound(trial, report, ending)
  expectAmong(trial.outputs, ending.possible ?? ending.exact ?? model)
  // Where somebody interferes at any moment, that may be before anything was done.
  if (strike.call !== undefined && strike.act === undefined) expect(trial.strikes, 'strikes').toBeGreaterThan(0)
  endings.set(fault.name, [...(endings.get(fault.name) ?? []), report.outcome])
}

for (const [name, mode] of Object.entries(MODES))
  describe(`run ${name}:`, manySeeds, () => {
    for (const column of GRAPHS)
      describe(`${column.name}:`, () => {
        for (const fault of FAULTS)
          if (hashOf(`${column.name} ${fault.name}`) % mode.oneIn === 0)
            test(fault.name, async () => {
              for (const seed of seeds) await withSeed(seed, () => expectCell(seed, { column, fault, mode }))
            })
      })
  })

test('what comes at any moment comes in the middle of most runs', () => {
  if (process.env.SEED !== undefined) return
  for (const [name, outcomes] of endings) {
    // Of some graphs only it says nothing.
    if (!/doomed at any moment|signal aborts/.test(name) || outcomes.length < GRAPHS.length) continue
    const doomed = outcomes.filter((outcome) => outcome === 'doomed')
    expect(doomed.length, name).toBeGreaterThan(outcomes.length / 2)
  }
})
