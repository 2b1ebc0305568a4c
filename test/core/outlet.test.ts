import { Counters, packet, Queue, SILENT } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { Ledger } from '../../packages/core/src/frames.js'
import type { Deliver } from '../../packages/core/src/leaf.js'
import { Outlet } from '../../packages/core/src/outlet.js'
import { NO_META, Scope } from '../../packages/core/src/packet.js'
import { range } from '../support/plans.js'
import { settlesSoon, turns } from '../support/turns.js'

/** An outlet over queues of these capacities, with what it tells its node. */
function outletOf(
  capacities: readonly number[],
  { ports = [] as string[], deliver }: { ports?: string[]; deliver?: Deliver } = {},
) {
  const queues = capacities.map((capacity) => new Queue(capacity))
  const counters = new Counters()
  const told = { unwanted: 0, doomed: false }
  const outlet = new Outlet({
    leaf: capacities.length === 0,
    node: 'n',
    edges: queues.map((edge, place) => ({ edge, port: ports[place] ?? 'out', regions: undefined })),
    deliver,
    counters,
    logger: SILENT,
    ledger: new Ledger(),
    regions: undefined,
    window: undefined,
    scope: new Scope(),
    isDoomed: () => told.doomed,
    onUnwanted: () => void told.unwanted++,
  })
  const send = (value: unknown, port = 'out') => outlet.send(packet(value), port, value, NO_META)
  return { outlet, queues, counters, told, send }
}

describe('an output', () => {
  test('is offered to every edge at once and settles when all have accepted', async () => {
    const { queues, counters, send } = outletOf([1, 2])
    expect(send(1)).toBe(true)
    const second = send(2)
    expect([queues.map(({ size }) => size), counters.emitted]).toEqual([[1, 2], 1])
    queues[0]?.take()
    expect([await second, counters.emitted]).toEqual([true, 2])
  })

  test('is one packet for all edges, and counts once', () => {
    const { queues, counters, send } = outletOf(range(64).map(() => 1))
    expect([send('x'), counters.emitted]).toEqual([true, 1])
    expect(new Set(queues.map((queue) => queue.take())).size).toBe(1)
  })

  test('goes to the edges of its port only', () => {
    const { queues, send } = outletOf([1, 1], { ports: ['yes', 'no'] })
    expect([send(1, 'no'), queues.map(({ size }) => size)]).toEqual([true, [0, 1]])
  })

  test('by a port without edges is nobody’s', () => {
    const { counters, send } = outletOf([1])
    expect([send(1, 'elsewhere'), counters.emitted]).toEqual([false, 0])
  })

  test('reaches the live successors of a node with a closed one', () => {
    const { queues, told, send } = outletOf([1, 1])
    queues[0]?.close()
    expect([send(1), queues[1]?.size, told.unwanted]).toEqual([true, 1, 0])
  })

  test('that nobody wants is not counted, and the node is told once', () => {
    const { queues, counters, told, send } = outletOf([1, 1])
    for (const queue of queues) queue.close()
    for (const queue of queues) queue.close()
    expect([send(1), counters.emitted, told.unwanted]).toEqual([false, 0, 1])
  })

  test('that waited when everything ended does not count as handed on', async () => {
    const { queues, counters, told, send } = outletOf([1, 2])
    void send(1)
    const waiting = send(2)
    told.doomed = true
    for (const queue of queues) queue.clear()
    expect([await waiting, counters.emitted]).toEqual([false, 1])
  })

  test('may be taken back while every edge is full, and not once one has accepted', async () => {
    const full = outletOf([1, 1])
    void full.send(1)
    const mine = packet(2)
    const waiting = full.outlet.send(mine, 'out', 2, NO_META)
    expect([full.outlet.withdraw(mine.scope), await waiting]).toEqual([true, false])
    const half = outletOf([1, 2])
    void half.send(1)
    const kept = half.outlet.send(mine, 'out', 2, NO_META)
    expect([half.outlet.withdraw(mine.scope), await settlesSoon(Promise.resolve(kept))]).toEqual([false, false])
  })

  test('may not be taken back once an edge has accepted that was closed since', async () => {
    const some = outletOf([1, 1, 2])
    const mine = packet(2)
    void some.send(1)
    const kept = some.outlet.send(mine, 'out', 2, NO_META)
    some.queues[2]?.close()
    expect(some.outlet.withdraw(mine.scope)).toBe(false)
    some.queues[0]?.take()
    some.queues[1]?.take()
    expect(await kept).toBe(true)

    const one = outletOf([1])
    void one.send(1)
    const only = one.outlet.send(mine, 'out', 2, NO_META)
    one.queues[0]?.take()
    one.queues[0]?.close()
    expect(one.outlet.withdraw(mine.scope)).toBe(false)
    expect(await only).toBe(true)

    const late = outletOf([1, 1])
    void late.send(1)
    const waiting = late.outlet.send(mine, 'out', 2, NO_META)
    late.queues[0]?.take()
    await turns(1)
    late.queues[0]?.close()
    expect(late.outlet.withdraw(mine.scope)).toBe(false)
    late.queues[1]?.close()
    expect(await waiting).toBe(true)
  })
})

describe('the end of an outlet', () => {
  test('ends every edge', () => {
    const { outlet, queues } = outletOf([1, 1])
    outlet.end()
    expect(queues.map(({ over }) => over)).toEqual([true, true])
  })
})

describe('the outlet of a leaf', () => {
  test('discards what it is given where nobody takes it, and counts it', () => {
    const { outlet, counters, send } = outletOf([])
    expect([outlet.leaf, send(1), counters.emitted]).toEqual([true, true, 1])
  })

  test('counts what was taken, at once or later', async () => {
    const answers = [undefined, Promise.resolve(true), Promise.resolve(false)]
    const { counters, send } = outletOf([], { deliver: () => answers.shift() })
    expect([send(1), await send(2), await send(3), counters.emitted]).toEqual([true, true, false, 2])
  })

  test('gives nothing once nobody wants it any more, and tells its node once', () => {
    const { outlet, told, counters, send } = outletOf([])
    outlet.closeLeaf()
    outlet.closeLeaf()
    expect([send(1), counters.emitted, told.unwanted]).toEqual([false, 0, 1])
  })

  test('is not closed where there are successors', () => {
    const { outlet, told } = outletOf([1])
    outlet.closeLeaf()
    expect(told.unwanted).toBe(0)
  })
})

test('an outlet looks at each of its edges a few times, however many ports there are', () => {
  let looks = 0
  const edges = range(500).map((port) => ({
    edge: new Queue(1),
    regions: undefined,
    get port() {
      looks++
      return `p${port}`
    },
  }))
  new Outlet({
    leaf: false,
    node: 'n',
    edges,
    deliver: undefined,
    counters: new Counters(),
    logger: SILENT,
    ledger: new Ledger(),
    regions: undefined,
    window: undefined,
    scope: new Scope(),
    isDoomed: () => false,
    onUnwanted: () => {},
  })
  expect(looks).toBeLessThanOrEqual(4 * edges.length)
})
