import { packet, Queue, SILENT } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { Ledger } from '../../packages/core/src/frames.js'
import { InFlightQueue } from '../../packages/core/src/in-flight-queue.js'
import { Scope } from '../../packages/core/src/packet.js'
import { SharedEdge } from '../../packages/core/src/sharing.js'
import { settlesSoon, turns } from '../support/turns.js'

/** One edge over queues of these capacities, and what each of them holds. */
function shared(...queues: readonly Queue[]) {
  const told = { closed: 0 }
  const edge = new SharedEdge({
    node: 's',
    branches: queues.map((queue, place) => ({ edge: queue, to: `to ${place}`, regions: undefined })),
    logger: SILENT,
    ledger: new Ledger(),
    isDoomed: () => false,
  })
  edge.onClose = () => void told.closed++
  const put = (value: unknown) => edge.put(packet(value))
  /** Takes everything that is in a queue now. */
  const all = (place: number): unknown[] => {
    const values: unknown[] = []
    for (let left = queues[place]?.size ?? 0; left > 0; left--) values.push(queues[place]?.take()?.value)
    return values
  }
  return { edge, told, put, all, take: (place: number) => queues[place]?.take()?.value }
}

const room = (capacity: number) => new Queue(capacity)

describe('a packet for several who share', () => {
  test('goes to one of them, in turn', () => {
    const { put, all } = shared(room(3), room(3), room(3))
    expect([1, 2, 3, 4].map(put)).toEqual([true, true, true, true])
    expect([all(0), all(1), all(2)]).toEqual([[1, 4], [2], [3]])
  })

  test('goes past those who have no room', () => {
    const { put, all } = shared(room(1), room(3), room(1))
    for (const n of [1, 2, 3, 4, 5]) put(n)
    expect([all(0), all(1), all(2)]).toEqual([[1], [2, 4, 5], [3]])
  })

  test('waits where nobody has room, and goes to whoever has it first', async () => {
    const { put, take, all } = shared(room(1), room(1))
    put(1)
    put(2)
    const waiting = put(3)
    expect(await settlesSoon(Promise.resolve(waiting))).toBe(false)
    expect(take(1)).toBe(2)
    expect([await waiting, all(0), all(1)]).toEqual([true, [1], [3]])
  })

  test('that waits longest goes first, and one slot wakes one', async () => {
    const { put, take, all } = shared(room(1), room(1))
    for (const n of [1, 2]) put(n)
    const taken: number[] = []
    for (const n of [3, 4, 5]) void Promise.resolve(put(n)).then(() => taken.push(n))
    take(1)
    await turns(1)
    expect(taken).toEqual([3])
    take(0)
    take(1)
    expect([all(0), all(1)]).toEqual([[4], [5]])
  })

  test('is at the turn of the one behind who was served last, also where that was waited for', async () => {
    const { put, take, all } = shared(room(1), room(1), room(1))
    for (const n of [1, 2, 3]) put(n)
    const waiting = put(4)
    take(1)
    await waiting
    for (const place of [0, 1, 2]) all(place)
    put(5)
    expect(take(2)).toBe(5)
  })

  test('goes past those who want no more', () => {
    const closed = room(9)
    const { put, all } = shared(room(9), closed)
    closed.close()
    expect([put(1), put(2), all(0)]).toEqual([true, true, [1, 2]])
  })

  test('is gone when all of them want no more, and the node is told once', async () => {
    const queues = [room(1), room(1)]
    const { put, told, edge } = shared(...queues)
    put(1)
    put(2)
    const waiting = put(3)
    queues[0]?.close()
    expect([told.closed, edge.closed, await settlesSoon(Promise.resolve(waiting))]).toEqual([0, false, false])
    queues[1]?.close()
    expect([await waiting, put(4), told.closed, edge.closed]).toEqual([false, false, 1, true])
  })

  test('may be taken back while it waits, and leaves no trace', async () => {
    const { edge, put, take, all } = shared(room(1), room(1))
    for (const n of [1, 2]) put(n)
    const mine = packet(3)
    const waiting = edge.put(mine)
    const next = put(4)
    expect([edge.isWaiting(mine.scope), edge.isWaiting(new Scope())]).toEqual([true, false])
    edge.withdraw(mine.scope)
    expect([await waiting, edge.isWaiting(mine.scope)]).toEqual([false, false])
    take(0)
    expect([await next, all(0), all(1)]).toEqual([true, [4], [2]])
  })

  test('goes to nobody who has not asked for the next, where one may be in flight', async () => {
    const queues = [new InFlightQueue(9, 1), new InFlightQueue(9, 1)]
    const { put, take } = shared(...queues)
    expect([put(1), put(2), take(0), take(1)]).toEqual([true, true, 1, 2])
    const waiting = put(3)
    expect(await settlesSoon(Promise.resolve(waiting))).toBe(false)
    queues[1]?.giveBack()
    expect([await waiting, take(1)]).toEqual([true, 3])
  })
})

test('edges that are shared wait as one, and are woken once', async () => {
  const queues = [room(1), room(1)]
  const { put, take } = shared(...queues)
  for (const n of [1, 2]) put(n)
  void put(3)
  expect(queues.map(({ crowd }) => crowd)).toEqual([1, 1])
  take(0)
  expect(queues.map(({ crowd }) => crowd)).toEqual([0, 0])
  take(1)
  await turns(1)
  expect(queues.map(({ size, waits }) => [size, waits])).toEqual([
    [1, 1],
    [0, 1],
  ])
})

test('edges that are shared end together', () => {
  const queues = [room(1), room(1)]
  shared(...queues).edge.end()
  expect(queues.map(({ over }) => over)).toEqual([true, true])
})
