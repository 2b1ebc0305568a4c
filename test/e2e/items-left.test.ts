import { setTimeout as sleep } from 'node:timers/promises'
import { DROP } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { chain, from, having, nodeOf, plumberOf, range, turns, unfused } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { LEDGER, NONE, rootsOf } from '../support/ledger.js'
import { inVirtualTime } from '../support/virtual-time.js'

/*
 * What becomes of items that are in nobody's hands when something ends.
 */

test('a dead letter that waits for room on doomsday is listed as its item, at the node that failed at it', async () => {
  const open = gate()
  const mid = unfused(
    (n: number) => {
      throw new Error(`not ${n}`)
    },
    { onError: 'route' },
  )
  const dead = unfused(() => open.opened, { queueSize: 1 })
  const pipeline = plumberOf(
    { src: from(0, 1, 2), mid, out: () => DROP, dead },
    { src: ['mid'], mid: ['out', { to: 'dead', port: 'error' }] },
  ).createPipeline({ graceMs: 0 })
  await turns()
  const report = await pipeline.doomsday()
  open.open()
  expect(report.unprocessed.filter(({ node }) => node === 'mid').map(({ value }) => value)).toEqual([2])
  expect(nodeOf(report, 'mid')).toMatchObject({ received: 3, failed: 3 })
})

describe('an item that is in no window any more', () => {
  test.each<[string, object, number]>([
    ['at the end', { size: 3 }, 2],
    ['at the end, after a window', { size: 3 }, 4],
    ['between two windows', { size: 1, step: 3 }, 3],
  ])('has ended well: %s', async (_where, window, items) => {
    const plumber = chain({ src: from(...range(items)), window: unfused(() => DROP, { window }) })
    const report = await plumber.run(undefined, LEDGER)
    expectBalancedBooks(report)
    const { delivered, filtered, ...others } = { ...NONE, ...rootsOf(report) }
    expect(delivered + filtered).toBe(items)
    expect(others).toEqual({ errored: 0, aborted: 0, deadLettered: 0 })
  })
})

test('who waits for a place is let go at doomsday, though whoever has it does not obey', () =>
  inVirtualTime(async () => {
    const open = gate()
    const deaf = unfused(() => open.opened)
    const lockStep = { packetsInFlight: 1 }
    const pipeline = chain({
      src: having({ ...lockStep, fuse: false }, from(...range(5))),
      mid: unfused((n: number) => n, lockStep),
      deaf,
    }).createPipeline({ graceMs: 50 })
    await sleep(1)
    const report = await pipeline.doomsday()
    open.open()
    expect(report.abandoned).toEqual(['deaf'])
  }))
