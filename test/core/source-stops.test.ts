import { type Context, type Coro, defineCoro, type SourceOutput } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { line, prepare, range, same, start } from '../support/plans.js'
import { settlesSoon, turns } from '../support/turns.js'

const putting: Coro = (async (output: SourceOutput) => {
  for (const n of range(3)) await output.put(n)
}) as Coro

describe('a pause', () => {
  test.each<[string, Coro]>([
    ['puts', putting],
    ['returns a list', () => range(3)],
  ])('that is renewed at once lets no item out of a source that %s', async (_, src) => {
    const run = prepare(line({ src, out: same }))
    run.network.pause()
    run.network.start()
    await turns()
    run.network.resume()
    run.network.pause()
    await turns()
    expect(run.values).toEqual([])
    run.network.resume()
    await run.report()
    expect(run.values).toEqual(range(3))
  })

  test('comes too late during a drain', async () => {
    const held = gate()
    const run = start({ in: { kind: 'inlet', to: ['out'] }, out: { coro: (n: number) => held.opened.then(() => n) } })
    for (const n of range(5)) await run.network.put(0, n)
    const drained = run.network.drain()
    run.network.pause()
    held.open()
    expect([await settlesSoon(drained), run.values]).toEqual([true, range(5)])
  })

  test('comes too late after doomsday: a source that obeys is not abandoned', async () => {
    const held = gate()
    const src = async function* (): AsyncGenerator<number> {
      await held.opened
      yield 1
    }
    const run = start(line({ src, out: same }), { graceMs: 100 })
    await turns()
    void run.network.doomsday('enough')
    run.network.pause()
    held.open()
    expect((await run.report()).abandoned).toEqual([])
  })
})

describe('what a source had made', () => {
  /** Emits three values, then yields a fourth. */
  const emitting = function* (_: never, ctx: Context): Generator<string> {
    for (const n of range(3)) ctx.emit('out', `e${n}`)
    yield 'y'
  }

  test('flows out in a drain, though its put waited in a pause', async () => {
    const held = gate()
    const refused: unknown[] = []
    const src = async (output: SourceOutput): Promise<void> => {
      await held.opened
      await output.put(1).catch((error: unknown) => refused.push(error))
    }
    const run = start(line({ src: src as Coro, out: same }))
    await turns()
    run.network.pause()
    held.open()
    await turns()
    await run.network.drain()
    await run.report()
    expect([run.values, refused]).toEqual([[1], []])
  })

  test('flows out in a drain, though emissions waited for room longer than the grace', async () => {
    const graceMs = 15
    const held = gate()
    const out = { coro: (value: string) => held.opened.then(() => value), props: { queueSize: 1 } }
    const run = start(line({ src: emitting, out }), { graceMs })
    await turns()
    const drained = run.network.drain()
    await new Promise((resolve) => setTimeout(resolve, 3 * graceMs))
    held.open()
    expect((await drained).abandoned).toEqual([])
    await run.report()
    expect(run.values).toEqual(['e0', 'e1', 'e2', 'y'])
  })

  test('is reported at doomsday, also emissions that waited for room', async () => {
    const out = { coro: () => new Promise(() => {}), props: { queueSize: 1 } }
    const run = start(line({ src: emitting, out }), { graceMs: 5 })
    await turns()
    await run.network.doomsday()
    const { unprocessed } = await run.report()
    expect(unprocessed.map(({ value }) => value).toSorted()).toEqual(['e0', 'e1', 'e2', 'y'])
  })
})

test('a generator is closed when a promise that it yielded rejects', async () => {
  let closed = 0
  const broken = function* (): Generator<unknown> {
    try {
      yield Promise.reject(new Error('mine'))
      yield 2
    } finally {
      closed++
    }
  }
  const work = { coro: broken as Coro, props: { onError: 'skip' as const } }
  await start(line({ src: () => range(3), work, out: same })).report()
  expect(closed).toBe(3)
  expect((await start(line({ src: defineCoro({ run: broken }).run, out: same })).report()).outcome).toBe('failed')
  expect(closed).toBe(4)
})
