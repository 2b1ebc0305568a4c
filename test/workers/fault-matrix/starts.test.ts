import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Pipeline } from '@pipelines/plumber'
import { hashOf, randomOf } from '@pipelines/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { manySeeds, seedsOf, withSeed } from '../../support/seeds.js'
import { comesTrue } from '../hosts/alive.js'
import { expectSound, leavingNothingAlive } from './checks.js'
import { COLUMNS, warmUp } from './matrix.js'
import { executorOf, type Kind, type Seen, type Stricken, start, stationed, strickenBy } from './trial.js'

/*
 * F13: workers that end before they have made a call. No item is to blame, so the run fails, whatever the node does with
 * items that fail; and a worker is not started over and over again.
 */
const seeds = seedsOf(1, 8)
const KINDS = ['thread', 'process'] as const

let folder: string
warmUp()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pipelines-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

interface Start {
  readonly kind: Kind
  /** What goes wrong at the start; only when an item has gone wrong where `later`. */
  readonly does?: string
  readonly later?: boolean
  /** What goes wrong with the item. */
  readonly strike: Parameters<typeof strickenBy>[1]
}

/** Tries a graph from each column in which the worker of one node cannot start, and gives how it ended. */
async function forColumns(
  { kind, does, later, strike }: Start,
  expectEnd: (seen: Seen, facts: { readonly stricken: Stricken; readonly starts: number }) => void,
  act: (pipeline: Pipeline) => void = () => {},
): Promise<void> {
  for (const [place, { draw, name }] of COLUMNS.entries())
    for (const seed of seeds) {
      const at = (what: string): string => join(folder, `${what} ${place} ${seed}`)
      const env = {
        ...process.env,
        STARTS: at('starts'),
        ...(does !== undefined && { START_DOES: does }),
        ...(later && { START_IF: at('left') }),
      }
      const executor = executorOf(kind, { env })
      await withSeed(seed, () =>
        leavingNothingAlive(async () => {
          const random = randomOf(hashOf(`${seed} ${kind} ${name} ${does} ${later}`))
          const retry = { attempts: 2, minDelayMs: 1, jitter: 'none' } as const
          const stricken = strickenBy(
            stationed(draw, kind, random, { others: 0 }),
            { ...strike, ...(later && { leaves: at('left') }) },
            { fails: true, onError: 'skip', retry, workers: 1 },
          )
          const { pipeline, settled } = await start(stricken, [executor])
          await comesTrue(() => existsSync(at('starts')))
          act(pipeline)
          const seen = await settled()
          await executor.close()
          expectSound(seen, stricken.unharmed)
          expectEnd(seen, { stricken, starts: readFileSync(at('starts'), 'utf8').split('\n').length - 1 })
        }),
      )
    }
}

const NO_STRIKE = { at: 'call', does: 'throws', attempts: 0 } as const

const STARTS = [
  ['throws', 'its coroutine could not be loaded: boom'],
  ['exit0', 'it ended with the exit code 0'],
  ['exit3', 'it ended with the exit code 3'],
] as const

describe.each(KINDS)('a %s', manySeeds, (kind) => {
  test.each(STARTS)('that cannot start (%s) fails the run, and is not replaced', (does, what) =>
    forColumns({ kind, does, strike: NO_STRIKE }, ({ report }, { stricken, starts }) => {
      expect(report.error).toMatchObject({
        code: 'PLB_WORKER_START',
        details: { node: stricken.victim.node.name, what },
      })
      expect(report.outcome).toBe('failed')
      expect(starts, 'workers started').toBe(1)
    }),
  )

  test('that is in a busy loop at its start ends when the run is doomed', () =>
    forColumns(
      { kind, does: 'loop', strike: NO_STRIKE },
      ({ report }) => expect(report.outcome).toBe('doomed'),
      (pipeline) => void pipeline.doomsday('enough'),
    ))

  test.each(['exit0', 'exit3'])('that ends in setup (%s) fails the run, and is replaced once at most', (does) =>
    forColumns({ kind, strike: { at: 'setup', does, attempts: 0 } }, ({ report }, { stricken, starts }) => {
      expect(report.error).toMatchObject({
        code: 'PLB_NODE_FAILED',
        details: { node: stricken.victim.node.name, phase: 'setup' },
        cause: { code: 'PLB_WORKER_DIED' },
      })
      expect(starts, 'workers started').toBe(1)
    }),
  )

  test('that ends is replaced once where its successor cannot start, and the run fails', () =>
    forColumns(
      { kind, does: 'exit3', later: true, strike: { at: 'call', does: 'exit0', attempts: 2 } },
      ({ report }, { stricken, starts }) => {
        expect(report.error).toMatchObject({
          code: 'PLB_NODE_FAILED',
          details: { node: stricken.victim.node.name, phase: 'setup' },
          cause: { code: 'PLB_WORKER_START' },
        })
        expect(starts, 'workers started').toBe(2)
      },
    ))
})
