import { type Context, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { aborted, chain, endless, from, nodeOf, plumberOf, range, same, turns, unfused } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

/** A stream coroutine that is done after `count` items. */
const take = (count: number) =>
  defineCoro({
    kind: 'stream',
    run: async function* (inputs: AsyncIterable<unknown>) {
      let left = count
      for await (const value of inputs) {
        yield value
        if (--left === 0) return
      }
    },
  })

test('a consumer that is done stops an endless source, and the run is well', async () => {
  const numbers = endless()
  const plumber = chain({ src: numbers.source, mid: same, take: take(3), out: same })
  expect(await plumber.collect()).toEqual([0, 1, 2])
  expect(numbers.closed).toBe(true)
})

test('the books of an early end balance', async () => {
  const numbers = endless()
  const report = await chain({ src: unfused(numbers.source), mid: unfused(same), take: take(5) }).run()
  expect(report.outcome).toBe('completed')
  expect(nodeOf(report, 'take').emitted).toBe(5)
  expectBalancedBooks(report, [])
})

test('a node with another live consumer goes on', async () => {
  const all: number[] = []
  const plumber = plumberOf(
    { src: from(...range(100)), take: take(3), all: (n: number) => void all.push(n) },
    { src: ['take', 'all'] },
  )
  const report = await plumber.run()
  expect(report.outcome).toBe('completed')
  expect(all).toEqual(range(100))
  expect(nodeOf(report, 'take').emitted).toBe(3)
  expectBalancedBooks(report, [])
})

test('the last consumer to be done closes the source', async () => {
  const numbers = endless()
  const plumber = plumberOf({ src: numbers.source, few: take(2), more: take(40) }, { src: ['few', 'more'] })
  const report = await plumber.run()
  expect(numbers.closed).toBe(true)
  expect(nodeOf(report, 'few').emitted).toBe(2)
  expect(nodeOf(report, 'more').emitted).toBe(40)
  expectBalancedBooks(report, [])
})

test('a node whose every output is closed is stopped: its signal aborts', async () => {
  const [working, stopped] = [gate(), gate()]
  const mid = (n: number, ctx: Context) => {
    if (n === 0) return n
    working.open()
    return aborted(ctx.signal).catch(stopped.open)
  }
  const first = defineCoro({
    kind: 'stream',
    run: async function* (inputs: AsyncIterable<number>) {
      for await (const n of inputs) {
        await working.opened
        yield n
        return
      }
    },
  })
  const report = await chain({ src: from(0, 1, 2), mid: unfused(mid), first }).run()
  expect(stopped.isOpen).toBe(true)
  expect(report.outcome).toBe('completed')
  expectBalancedBooks(report, [])
})

test('a node whose every output is closed is stopped: its generator gets its return', async () => {
  const many = endless()
  const report = await chain({ src: from(1), many: many.source, take: take(4) }).run()
  expect(many.closed).toBe(true)
  expect(report.outcome).toBe('completed')
  expectBalancedBooks(report, [])
})

test('a caller that leaves the loop closes everything above it', async () => {
  const numbers = endless()
  for await (const { value } of chain({ src: numbers.source, a: same, b: same }).stream()) {
    if (value === 10) break
  }
  await turns()
  expect(numbers.closed).toBe(true)
})

test('an inlet behind which everybody is done takes no more', async () => {
  const numbers = endless()
  const report = await chain({ in: 'std.inlet', take: take(2) }).run(numbers.source())
  expect(report.outcome).toBe('completed')
  expect(numbers.closed).toBe(true)
  expectBalancedBooks(report, ['in'])
})
