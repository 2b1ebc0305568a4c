import { type Context, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { chain, failureOf, nodeOf, outputs, range, same, until } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

/** Numbers its items, in each run anew. */
const numbered = defineCoro({
  setup: () => ({ next: 0 }),
  run: async (value: unknown, ctx: Context) => [value, (ctx.state as { next: number }).next++],
})

test('two runs of one Plumber at the same time share nothing', async () => {
  const plumber = chain({ in: 'std.inlet', numbered, out: same })
  const runs = ['a', 'b', 'c'].map((name) => plumber.collect([name, name]))
  expect(await Promise.all(runs)).toEqual(
    ['a', 'b', 'c'].map((name) => [
      [name, 0],
      [name, 1],
    ]),
  )
})

test('two runs one after the other share nothing', async () => {
  const plumber = chain({ in: 'std.inlet', numbered })
  for (const name of ['a', 'b']) expect(await plumber.collect([name])).toEqual([[name, 0]])
})

test('a run that fails leaves its twin alone', async () => {
  const open = gate()
  const wait = async (value: unknown) => {
    if (value === 'bad') throw new Error('boom')
    await open.opened
    return value
  }
  const plumber = chain({ in: 'std.inlet', wait })
  const good = plumber.collect(['good', 'better'])
  await failureOf(() => plumber.collect(['bad']))
  open.open()
  expect(await good).toEqual(['good', 'better'])
})

test('each run has its own counters, outputs and state', async () => {
  const plumber = chain({ in: 'std.inlet', out: same })
  const seen = [outputs(), outputs()] as const
  const [first, second] = [plumber.createPipeline(seen[0].options), plumber.createPipeline(seen[1].options)]
  for (const n of range(3)) await first.put(n)
  await second.put('only')
  await until(() => nodeOf(first.snapshot(), 'out').completed === 3)
  expect(nodeOf(second.snapshot(), 'in').received).toBe(1)
  expectBalancedBooks(await first.drain(), ['in'])
  expect(second.snapshot().state).toBe('running')
  expectBalancedBooks(await second.drain(), ['in'])
  expect(seen.map(({ values }) => values)).toEqual([[0, 1, 2], ['only']])
})

test('setWorkers and pause hold for one pipeline only', async () => {
  const seen = outputs()
  const plumber = chain({ in: 'std.inlet', out: same })
  const [paused, running] = [plumber.createPipeline(), plumber.createPipeline(seen.options)]
  paused.pause()
  paused.setWorkers('out', 8)
  await running.put(1)
  await until(() => seen.values.length === 1)
  expectBalancedBooks(await running.drain(), ['in'])
  await paused.doomsday()
})

test('one run may have an env of its own', async () => {
  const plumber = chain(
    { in: 'std.inlet', out: (_: unknown, { env: { who } }: Context) => who },
    { env: { who: 'all' } },
  )
  const seen = outputs()
  await plumber.run([1], { ...seen.options, env: { who: 'ann' } })
  await plumber.run([1], seen.options)
  expect(seen.values).toEqual(['ann', 'all'])
})
