import { hashOf, randomOf } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { manySeeds, seedsOf, withSeed } from '../../support/seeds.js'
import { expectSound, leavingNothingAlive } from './checks.js'
import { COLUMNS, warmUp } from './matrix.js'
import { executorOf, start, stationed, strickenBy } from './trial.js'

/*
 * F13: a busy loop without a limit of time. Nobody can end it but the run, which ends all the same.
 */
const seeds = seedsOf(1, 8)
const GRACE_MS = 200

warmUp()

const ENDS = {
  'is doomed': 'PLB_RUN_DOOMED',
  'is drained': 'PLB_RUN_DEADLINE',
} as const

describe.each(['thread', 'process'] as const)(
  'a call in a busy loop in a %s ends with a run that',
  manySeeds,
  (kind) => {
    for (const [how, code] of Object.entries(ENDS))
      for (const { name, draw } of COLUMNS)
        test(`${how}: ${name}`, async () => {
          for (const seed of seeds)
            await withSeed(seed, () =>
              leavingNothingAlive(async () => {
                const executor = executorOf(kind)
                const placed = stationed(draw, kind, randomOf(hashOf(`${seed} ${kind} ${how} ${name}`)))
                const stricken = strickenBy(placed, { at: 'call', does: 'loop', attempts: 1 }, { fails: true })
                const { pipeline, struck, settled } = await start(stricken, [executor], { graceMs: GRACE_MS })
                await struck
                void (how === 'is doomed' ? pipeline.doomsday('enough') : pipeline.drain({ deadlineMs: 600 }))
                const seen = await settled()
                await executor.close()
                const victim = stricken.victim.node.name
                expectSound(seen, stricken.unharmed, [victim])
                expect(seen.report).toMatchObject({ outcome: 'doomed', error: { code } })
                expect(seen.report.nodes[victim]?.unprocessed).toBeGreaterThan(0)
              }),
            )
        })
  },
)
