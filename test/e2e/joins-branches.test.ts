import { type Context, DROP, defineCoro } from '@pipelines/core'
import { hashOf, Scheduler } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { failureOf, from, having, nodeOf, outputs, plumberOf, range, reportOf } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import {
  byText,
  COLLECT,
  type Collect,
  decide,
  MISSING,
  type Missing,
  type Parts,
  sumOf,
  textOf,
} from '../support/meeting.js'
import { stillClock } from '../support/still-clock.js'

/*
 * A branch that filters, fails, multiplies or goes another way, before a join with every `missing` and every `collect` (S13, S14),
 * in an order of events drawn from a seed.
 */

stillClock()

describe('a branch before a join that', () => {
  const ITEMS = 7

  interface Branch {
    readonly gives: (n: number) => readonly string[]
    /** What it does with an item for which it gives nothing. */
    readonly instead?: (n: number, ctx: Context) => unknown
  }

  const thirds = (n: number): readonly string[] => (n % 3 === 1 ? [] : [`b${n}`])
  const times = (n: number, count = 0): readonly string[] => range(count).map((place) => `b${n}.${place}`)
  const BRANCHES: Readonly<Record<string, Branch>> = {
    'gives one': { gives: (n) => [`b${n}`] },
    filters: { gives: thirds },
    'fails and skips': {
      gives: thirds,
      instead: (n) => {
        throw new Error(`not ${n}`)
      },
    },
    'emits on another port': {
      gives: thirds,
      instead: (n, ctx) => {
        ctx.emit('side', n)
        return DROP
      },
    },
    'gives two': { gives: (n) => times(n, 2) },
    'gives 0, 1, 2 or 3': { gives: (n) => times(n, [1, 2, 0, 3][n % 4]) },
  }
  const nameOf = (branch: Branch): string => Object.keys(BRANCHES).find((name) => BRANCHES[name] === branch) ?? ''
  const WAYS = [1, 4].flatMap((workers) => [true, false].map((ordered) => ({ workers, ordered })))

  /** The branch beside a plain one, in an order of events drawn from the seed. */
  function start(branch: Branch, way: Readonly<Record<string, unknown>>, join: Readonly<Record<string, unknown>>) {
    const scheduler = new Scheduler(hashOf(`${nameOf(branch)} ${textOf(way)} ${textOf(join)}`))
    const pass = (name: string) => (value: unknown) => scheduler.after(`${name} ${textOf(value)}`, () => value)
    const { gives, instead = () => DROP } = branch
    const run = (n: number, ctx: Context) =>
      scheduler.after(`branch ${n}`, () => (gives(n).length === 0 ? instead(n, ctx) : gives(n).values()))
    const plumber = plumberOf(
      {
        src: from(...range(ITEMS)),
        branch: having({ ...way, onError: 'skip' }, defineCoro({ emits: ['side'], run })),
        plain: having(way, pass('plain')),
        join: having({ ...way, ...join }, pass('join')),
        out: pass('out'),
        side: () => undefined,
      },
      { src: ['branch', 'plain'], branch: ['join', { to: 'side', port: 'side' }], plain: ['join'], join: ['out'] },
    )
    const seen = outputs()
    const running = plumber.run(undefined, seen.options)
    return { values: seen.values, running, driven: scheduler.drive(running) }
  }

  const partsOf = ({ gives }: Branch): readonly Parts[] => range(ITEMS).map((n) => [gives(n), [n]])

  /** Every output, every counter and every error of a join whose errors are skipped. */
  async function expectSkipped(branch: Branch, way: (typeof WAYS)[number], missing: Missing, collect: Collect) {
    const { values, running, driven } = start(branch, way, { missing, collect, onError: 'skip' })
    await driven
    const report = await running
    expectBalancedBooks(report, [])
    const frames = partsOf(branch).map((parts) => ({ parts, decision: decide(parts, missing, collect) }))
    const tuples = frames.flatMap(({ decision }) => ('tuples' in decision ? decision.tuples : []))
    expect(way.ordered ? values : values.toSorted(byText)).toEqual(way.ordered ? tuples : tuples.toSorted(byText))
    const weight = (these: typeof frames): number => sumOf(these.map(({ parts }) => parts.flat().length))
    const failed = frames.filter(({ decision }) => 'count' in decision)
    const filtered = frames.filter(({ decision }) => 'tuples' in decision && decision.tuples.length === 0)
    expect(nodeOf(report, 'join')).toMatchObject({
      received: weight(frames),
      completed: weight(frames) - weight(failed),
      failed: weight(failed),
      dropped: filtered.length,
      emitted: tuples.length,
      unprocessed: 0,
    })
    const counts = failed.map(({ decision }) => ('count' in decision ? decision.count : -1))
    const errors = report.errors.filter(({ code }) => code === 'PLB_NODE_CARDINALITY')
    expect(errors.map(({ details }) => details).toSorted(byText)).toEqual(
      counts.map((count) => ({ node: 'join', input: 'branch', count })).toSorted(byText),
    )
    expect(report.errors).toHaveLength(counts.length + nodeOf(report, 'branch').failed)
    return { tuples, counts }
  }

  describe.each(Object.entries(BRANCHES))('%s', (_name, branch) => {
    test.each(MISSING.flatMap((missing) => COLLECT.map((collect) => [missing, collect] as const)))(
      'with missing "%s" and collect "%s"',
      async (missing, collect) => {
        for (const way of WAYS) {
          const { tuples, counts } = await expectSkipped(branch, way, missing, collect)
          if (counts.length === 0) continue
          const { values, running, driven } = start(branch, way, { missing, collect })
          const error = await failureOf(() => Promise.all([running, driven]))
          expect(error).toMatchObject({ code: 'PLB_NODE_CARDINALITY', details: { node: 'join', input: 'branch' } })
          expect(way.ordered ? counts.slice(0, 1) : counts).toContain(Reflect.get(Object(error.details), 'count'))
          expect(way.ordered ? tuples.slice(0, values.length) : tuples).toEqual(
            way.ordered ? values : expect.arrayContaining(values),
          )
          expectBalancedBooks(reportOf(error), [])
          expect(reportOf(error).outcome).toBe('failed')
        }
      },
    )
  })
})
