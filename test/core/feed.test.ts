import { getEventListeners } from 'node:events'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { type NodeSpec, prepare, range, same, start } from '../support/plans.js'
import { settlesSoon, turns, until } from '../support/turns.js'

/** An inlet in front of one node. */
const standing = (out: NodeSpec = { coro: same }, options = {}) =>
  start({ in: { kind: 'inlet', to: ['out'] }, out }, options)

describe('a put', () => {
  test('settles when the successor has accepted the value', async () => {
    const held = gate()
    const run = standing({ coro: () => held.opened, props: { queueSize: 1 } })
    await run.network.put(0, 1)
    await run.network.put(0, 2)
    const third = run.network.put(0, 3)
    expect(await settlesSoon(third)).toBe(false)
    held.open()
    await third
    await run.network.drain()
  })

  test('is served first come first served', async () => {
    const run = standing({ coro: same, props: { queueSize: 1 } })
    const order: number[] = []
    await Promise.all(range(50).map((n) => run.network.put(0, n).then(() => order.push(n))))
    const report = await run.network.drain()
    expect([order, run.values]).toEqual([range(50), range(50)])
    expect(report.nodes.in).toMatchObject({ received: 50, completed: 50, emitted: 50 })
  })

  test('carries its meta, frozen', async () => {
    const meta = { user: 'a' }
    const run = standing()
    await run.network.put(0, 1, { meta })
    await run.network.drain()
    expect([run.outputs[0]?.meta, Object.isFrozen(run.outputs[0]?.meta), Object.isFrozen(meta)]).toEqual([
      meta,
      true,
      false,
    ])
  })

  test('rejects before the start, after the end and after the run', async () => {
    const run = prepare({ in: { kind: 'inlet', to: ['out'] }, out: { coro: same } })
    const refused = { code: 'PLB_STATE_NOT_RUNNING' }
    await expect(run.network.put(0, 1)).rejects.toMatchObject({ ...refused, details: { state: 'idle' } })
    run.network.start()
    run.network.end(0)
    await expect(run.network.put(0, 1)).rejects.toMatchObject(refused)
    await run.report()
    await expect(run.network.put(0, 1)).rejects.toMatchObject({ ...refused, details: { what: 'Inlet "in"' } })
  })

  test('into a node that is no inlet is refused', () => {
    const run = standing()
    expect(() => run.network.put(1, 1)).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
    return run.network.drain()
  })

  test('that waits rejects with the reason at doomsday', async () => {
    const run = standing({ coro: () => new Promise(() => {}), props: { queueSize: 1 } }, { graceMs: 5 })
    const puts = range(5).map((n) => run.network.put(0, n))
    await turns()
    const reason = new Error('enough')
    void run.network.doomsday(reason)
    const ends = await Promise.allSettled(puts)
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected'])
    expect(ends.slice(2).map((end) => end.status === 'rejected' && end.reason)).toEqual([reason, reason, reason])
    expect((await run.report()).nodes.in?.received).toBe(2)
  })

  test('into a network whose outputs nobody wants is refused', async () => {
    const run = standing()
    await run.network.put(0, 1)
    run.network.closeOutputs()
    await run.report()
    await expect(run.network.put(0, 2)).rejects.toMatchObject({ code: 'PLB_STATE_NOT_RUNNING' })
  })

  test('waits while the network is paused', async () => {
    const run = standing()
    run.network.pause()
    const put = run.network.put(0, 1)
    expect(await settlesSoon(put)).toBe(false)
    run.network.resume()
    await put
    await run.network.drain()
    expect(run.values).toEqual([1])
  })
})

describe('a put with a signal', () => {
  const full = async () => {
    const held = gate()
    const run = standing({ coro: (n: number) => held.opened.then(() => n), props: { queueSize: 1 } })
    await run.network.put(0, 0)
    await run.network.put(0, 1)
    return { held, run }
  }

  test('that has aborted before is refused', async () => {
    const run = standing()
    const signal = AbortSignal.abort('no')
    await expect(run.network.put(0, 1, { signal })).rejects.toMatchObject({ code: 'PLB_RUN_CANCELLED', cause: 'no' })
    await run.network.drain()
    expect(run.values).toEqual([])
  })

  test.each([0, 1])('that aborts while it waits (place %i in line) is taken back', async (place) => {
    const { held, run } = await full()
    const controllers = [new AbortController(), new AbortController()]
    const puts = controllers.map(({ signal }, n) => run.network.put(0, n + 2, { signal }))
    controllers[place]?.abort('changed my mind')
    await expect(puts[place]).rejects.toMatchObject({ code: 'PLB_RUN_CANCELLED', cause: 'changed my mind' })
    held.open()
    await puts[1 - place]
    const report = await run.network.drain()
    expect(run.values).toEqual([0, 1, place === 0 ? 3 : 2])
    expect(report.nodes.in?.received).toBe(3)
  })

  test('that aborts after it was accepted changes nothing', async () => {
    const { held, run } = await full()
    const controller = new AbortController()
    const put = run.network.put(0, 2, { signal: controller.signal })
    held.open()
    await put
    controller.abort()
    await run.network.drain()
    expect(run.values).toEqual([0, 1, 2])
  })

  test('that one of two successors has accepted cannot be taken back', async () => {
    const held = gate()
    const run = start({
      in: { kind: 'inlet', to: ['fast', 'slow'] },
      fast: { coro: same },
      slow: { coro: () => held.opened, props: { queueSize: 1 } },
    })
    for (const n of [0, 1]) await run.network.put(0, n)
    const controller = new AbortController()
    const put = run.network.put(0, 2, { signal: controller.signal })
    controller.abort()
    held.open()
    await put
    await run.network.drain()
    expect(run.values).toEqual(expect.arrayContaining([0, 1, 2]))
  })

  test('leaves no listener behind', async () => {
    const run = standing()
    const { signal } = new AbortController()
    for (const n of range(10)) await run.network.put(0, n, { signal })
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await run.network.drain()
  })
})

describe('the end of an inlet', () => {
  test('comes after what waits was handed on', async () => {
    const run = standing({ coro: same, props: { queueSize: 1 } })
    const puts = range(20).map((n) => run.network.put(0, n))
    run.network.end(0)
    run.network.end(0)
    await Promise.all(puts)
    await run.report()
    expect(run.values).toEqual(range(20))
  })

  test('of one inlet leaves the other open', async () => {
    const run = start({
      a: { kind: 'inlet', to: ['out'] },
      b: { kind: 'inlet', to: ['out'] },
      out: { coro: same, props: { aggregateInputs: false } },
    })
    run.network.end(0)
    await run.network.put(1, 'b')
    await until(() => run.values.length === 1)
    run.network.end(1)
    expect((await run.report()).outcome).toBe('completed')
  })
})

test('a put whose value the receiver of the outputs has got settles, though its signal aborts', async () => {
  const held = gate()
  const controller = new AbortController()
  const run = start({ in: { kind: 'inlet' } }, { onOutput: () => held.opened })
  const put = run.network.put(0, 1, { signal: controller.signal })
  await turns()
  controller.abort()
  held.open()
  await put
  await run.network.drain()
  expect([run.values, (await run.report()).nodes.in?.completed]).toEqual([[1], 1])
})
