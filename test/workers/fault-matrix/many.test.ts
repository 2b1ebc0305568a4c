import { moduleCoros, Plumber } from '@pipelines/plumber'
import { describe, expect, test } from 'vitest'
import { leavingNothingAlive } from './checks.js'
import { warmUp } from './matrix.js'
import { executorOf, type Kind } from './trial.js'

/*
 * F13 where many items travel together: one of them ends its worker, with `onError: "skip"`.
 */
const MANY = 3_000
const POISON = 2_001
/** Most items of one message, and messages in a worker: what it holds fails with it. */
const MOST_HELD = 2 * 256
const COROS = new URL('./many.mjs', import.meta.url)

warmUp()

/** Runs many items, and gives those that came out, in their order, and what the node counted. */
async function runMany(kind: Kind, does: string) {
  const executor = executorOf(kind)
  const document = {
    nodes: {
      numbers: { coro: 'numbers', args: { count: MANY } },
      work: { coro: 'work', args: { does, poison: POISON }, properties: { executor: kind, onError: 'skip' } },
    },
    graph: { numbers: ['work'] },
  } as const
  const plumber = await Plumber.create(document, { coroMap: moduleCoros(COROS), executors: [executor] })
  const outputs: unknown[] = []
  const pipeline = plumber.createPipeline({ onOutput: ({ value }) => void outputs.push(value) })
  const report = await pipeline.settled
  await executor.close()
  return { report, outputs, missing: missingIn(outputs) }
}

function missingIn(outputs: readonly unknown[]): number[] {
  const given = new Set(outputs)
  return Array.from({ length: MANY }, (_, value) => value).filter((value) => !given.has(value))
}

const SAYS = [
  ['thread', 'throws'],
  ['process', 'throws'],
  ['thread', 'exit3'],
  ['process', 'exit3'],
  ['thread', 'uncaught'],
  ['process', 'uncaught'],
] as const

describe('of many items, exactly the one fails', () => {
  test.each(SAYS)('in a %s that can say where it was (%s)', (kind, does) =>
    leavingNothingAlive(async () => {
      const { report, outputs, missing } = await runMany(kind, does)
      expect({ outcome: report.outcome, missing }).toEqual({ outcome: 'completed', missing: [POISON] })
      expect(outputs).toEqual([...new Set(outputs)].toSorted((a, b) => Number(a) - Number(b)))
      expect(report.nodes.work).toMatchObject({ received: MANY, failed: 1, emitted: MANY - 1, retried: 0 })
    }),
  )
})

const SILENT = [
  ['thread', 'memory'],
  ['process', 'memory'],
  ['process', 'killed'],
] as const

describe('of many items, no more fail than a worker holds', () => {
  test.each(SILENT)('in a %s that cannot say where it was (%s)', (kind, does) =>
    leavingNothingAlive(async () => {
      const { report, outputs, missing } = await runMany(kind, does)
      expect(report.outcome).toBe('completed')
      expect(missing).toContain(POISON)
      expect(missing.length).toBeLessThanOrEqual(MOST_HELD)
      expect(outputs).toEqual([...new Set(outputs)].toSorted((a, b) => Number(a) - Number(b)))
      expect(report.nodes.work).toMatchObject({
        received: MANY,
        failed: missing.length,
        emitted: MANY - missing.length,
      })
    }),
  )
})
