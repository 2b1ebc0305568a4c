import { readFile } from 'node:fs/promises'
import { hashOf, type Random, randomOf } from '@pipelines/testkit'
import type { WorkerExecutor } from '@pipelines/workers'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Column, GRAPHS } from '../../e2e/fault-matrix/graphs.js'
import { manySeeds, seedsOf, withSeed } from '../../support/seeds.js'
import { type Alive, alive } from '../hosts/alive.js'
import { expectExact, expectNothingMore, expectSound, leavingNothingAlive } from './checks.js'
import { FAULTS, type WorkerFault } from './faults.js'
import { executorOf, type Kind, type Placed, run, type Stricken, stationed, strickenBy } from './trial.js'

/*
 * F13: everything that can go wrong in a worker, in some graphs, under every policy. Where the item is skipped, exactly
 * that one fails, and every count, verdict and output is that of a model without workers, queues and time.
 *
 * Who works where, which call goes wrong and how the graph is set are drawn from a seed:
 *     SEED=3 npx vitest run --project workers test/workers/fault-matrix -t 'G3 a diamond: a call throws'
 */
const seeds = seedsOf(1, 8)
/** In one seed each fault meets each policy in one of the graphs; in many of them, in all. */
const isThorough = process.env.SOAK !== undefined || process.env.SEED !== undefined

/** The graphs of the matrix. */
export const COLUMNS: readonly Column[] = GRAPHS.filter(({ name }) => /^G(?:1|3|5|10) /.test(name))
const RETRY = { attempts: 2, minDelayMs: 1, jitter: 'none' } as const

/** A fault in a graph, ready to be tried under a policy. */
interface Cell {
  readonly kind: Kind
  readonly fault: WorkerFault
  readonly placed: Placed
  readonly executor: WorkerExecutor
}

const POLICIES: Readonly<Record<string, (cell: Cell) => Promise<void>>> = {
  fail: async (cell) => {
    const { seen, stricken } = await tried(cell, { attempts: 1, fails: true, onError: 'fail' })
    expect(seen.report.outcome).toBe('failed')
    expectFailure(cell, stricken, { error: seen.report.error, attempts: 1 })
  },
  skip: async (cell) => {
    const { seen, stricken } = await tried(cell, { attempts: 1, fails: true, onError: 'skip' })
    expectExact(seen, stricken.model)
    expect(seen.report.errors).toHaveLength(1)
    expectFailure(cell, stricken, { error: seen.report.errors[0], attempts: 1 })
  },
  'retry, in vain, and skip': async (cell) => {
    const { seen, stricken } = await tried(cell, { attempts: 2, fails: true, onError: 'skip', retry: RETRY })
    expectExact(seen, stricken.model)
    expect(seen.report.errors).toHaveLength(1)
    expectFailure(cell, stricken, { error: seen.report.errors[0], attempts: 2 })
  },
  'retry, with success': async (cell) => {
    const { seen, stricken } = await tried(cell, { attempts: 1, fails: false, onError: 'fail', retry: RETRY })
    expectExact(seen, stricken.model)
    expect(seen.report.errors).toEqual([])
  },
}

interface Policy {
  readonly attempts: number
  readonly fails: boolean
  readonly onError: 'fail' | 'skip'
  readonly retry?: typeof RETRY
}

async function tried({ fault, placed, executor }: Cell, { attempts, ...policy }: Policy) {
  const stricken = strickenBy(placed, { at: 'call', does: fault.does, attempts }, { ...fault.properties, ...policy })
  const seen = await run(stricken, [executor])
  expectSound(seen, stricken.unharmed)
  return { seen, stricken }
}

/** Asserts that an error tells of the node, of the attempts, and of what has happened. */
function expectFailure(
  { fault, kind }: Cell,
  { victim }: Stricken,
  { error, attempts }: { readonly error: unknown; readonly attempts: number },
): void {
  const { details, ...failure } = fault.failure(kind)
  expect(error).toMatchObject({ ...failure, details: { ...details, node: victim.node.name, attempts } })
}

/** Starts, before all tests, the threads that Node keeps once they were needed: so that they are not taken for a leak. */
export function warmUp(): void {
  beforeAll(async () => {
    await Promise.all(Array.from({ length: 16 }, () => readFile(import.meta.filename)))
  })
}

/** Defines the tests of the matrix for threads, or for processes. */
export function matrixOf(kind: Kind): void {
  warmUp()
  for (const [row, column] of COLUMNS.entries())
    describe(`${column.name}:`, manySeeds, () => {
      const shared = isThorough ? undefined : sharedExecutor(kind)
      for (const [place, fault] of FAULTS.entries())
        if (fault.kinds.includes(kind))
          test(fault.name, () => {
            const policies = Object.keys(POLICIES).filter((_, policy) => isThorough || (row + place) % 4 === policy)
            return forSeeds({ kind, name: `${column.name} ${fault.name}`, shared }, async (random, executor) => {
              const placed = stationed(column.draw, kind, random)
              for (const policy of policies) await expectCell(policy, { kind, fault, placed, executor })
            })
          })
    })
}

async function expectCell(policy: string, cell: Cell): Promise<void> {
  try {
    await POLICIES[policy]?.(cell)
  } catch (error) {
    if (error instanceof Error) error.message = `Policy "${policy}": ${error.message}`
    throw error
  }
}

/** What is to be tried for each seed. */
interface Trials {
  readonly kind: Kind
  readonly name: string
  /** Absent where each has an executor of its own, of which nothing may be left. */
  readonly shared: (() => WorkerExecutor) | undefined
}

async function forSeeds(
  { kind, name, shared }: Trials,
  expectIt: (random: Random, executor: WorkerExecutor) => Promise<void>,
): Promise<void> {
  const expectAlone = (random: Random): Promise<void> =>
    leavingNothingAlive(async () => {
      const executor = executorOf(kind)
      try {
        await expectIt(random, executor)
      } finally {
        await executor.close()
      }
    })
  for (const seed of seeds)
    await withSeed(seed, () => {
      const random = randomOf(hashOf(`${seed} ${kind} ${name}`))
      return shared === undefined ? expectAlone(random) : expectIt(random, shared())
    })
}

/**
 * One executor for all tests of a column, whose workers are so used again; at the end nothing may be left of it. Workers
 * that wait for the next test have a timer each, so timers are not looked at after each of them.
 */
function sharedExecutor(kind: Kind): () => WorkerExecutor {
  const { setTimeout, setInterval } = globalThis
  let before: Alive
  let executor: WorkerExecutor
  beforeAll(() => {
    before = alive()
    executor = executorOf(kind)
  })
  beforeEach(() => {
    Object.assign(globalThis, { setTimeout, setInterval })
  })
  afterAll(async () => {
    await executor.close()
    await expectNothingMore(before)
  })
  return () => executor
}
