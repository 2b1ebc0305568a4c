import { Packet, packet, Queue } from '@pipelines/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NO_META, Scope } from '../../packages/core/src/packet.js'
import { range } from '../support/plans.js'
import { settlesSoon, turns } from '../support/turns.js'

/** A queue of this capacity that already holds the values. */
function filled(capacity: number, values: readonly unknown[] = []): Queue {
  const queue = new Queue(capacity)
  for (const value of values) queue.offer(packet(value))
  return queue
}

const contents = (queue: Queue): unknown[] => {
  const values: unknown[] = []
  for (let next = queue.take(); next; next = queue.take()) values.push(next.value)
  return values
}

const expectBooks = (queue: Queue): void =>
  expect(queue.entered, 'entered = left + unprocessed + size').toBe(queue.left + queue.unprocessed + queue.size)

describe('a bounded queue', () => {
  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a capacity of %s', (capacity) => {
    expect(() => new Queue(capacity)).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
  })

  test('is first in, first out', () => {
    expect(contents(filled(3, ['a', 'b', 'c']))).toEqual(['a', 'b', 'c'])
  })

  test('takes a packet at once while there is room, and makes it wait when there is none', () => {
    const queue = filled(1)
    expect(queue.put(packet(1))).toBe(true)
    expect(queue.put(packet(2))).toBeInstanceOf(Promise)
    expect([queue.size, queue.entered, queue.waits]).toEqual([1, 1, 1])
  })

  test('never holds more than its capacity with 50 producers', async () => {
    const queue = new Queue(3)
    let most = 0
    const produce = async (producer: number): Promise<void> => {
      for (let n = 0; n < 10; n++) {
        await queue.put(packet([producer, n]))
        most = Math.max(most, queue.size)
      }
    }
    const all = Promise.all(range(50).map(produce)).then(() => queue.end())
    const taken: (readonly [number, number])[] = []
    for await (const { value } of queue) taken.push(value as [number, number])
    await all
    expect([most, taken.length, queue.size]).toEqual([3, 500, 0])
    for (const producer of range(50))
      expect(taken.filter(([who]) => who === producer).map(([, n]) => n)).toEqual(range(10))
  })

  test('wakes one waiting producer per freed slot, first come first served', async () => {
    const queue = filled(1, ['x'])
    const accepted: number[] = []
    for (const n of range(3)) void Promise.resolve(queue.put(packet(n))).then(() => accepted.push(n))
    await turns(2)
    expect(accepted).toEqual([])
    queue.take()
    await turns(2)
    expect(accepted).toEqual([0])
    expect(contents(queue)).toEqual([0, 1, 2])
    await turns(2)
    expect(accepted).toEqual([0, 1, 2])
  })

  test('does not let a newcomer pass those who wait', async () => {
    const queue = filled(1, ['x'])
    const waiting = queue.put(packet('first'))
    queue.take()
    expect(queue.offer(packet('newcomer'))).toBe(false)
    expect([await waiting, queue.take()?.value]).toEqual([true, 'first'])
  })

  test('offers never wait and are not counted as waiting', () => {
    const queue = filled(1, [1])
    expect([queue.offer(packet(2)), queue.waits, queue.entered]).toEqual([false, 0, 1])
  })

  test('balances its books whatever is done to it', () => {
    const op = fc.constantFrom('put', 'offer', 'take', 'withdraw', 'end', 'close', 'clear')
    const check = (capacity: number, ops: readonly string[]): void => {
      const queue = new Queue(capacity)
      const lost: Packet[] = []
      queue.onLost = (one) => lost.push(one)
      const scopes = [new Scope(), new Scope()]
      ops.forEach((name, n) => {
        const scope = scopes[n % 2] ?? new Scope()
        const one = new Packet(n, NO_META, scope)
        if (name === 'put' && (!queue.over || queue.closed)) void tryPut(queue, one)
        if (name === 'offer') queue.offer(one)
        if (name === 'take') queue.take()
        if (name === 'withdraw') queue.withdraw(scope)
        if (name === 'end') queue.end()
        if (name === 'close') queue.close()
        if (name === 'clear') queue.clear()
        expectBooks(queue)
        expect(queue.size).toBeLessThanOrEqual(capacity)
      })
      expect(lost).toHaveLength(queue.unprocessed)
    }
    fc.assert(fc.property(fc.integer({ min: 1, max: 4 }), fc.array(op, { maxLength: 60 }), check), { numRuns: 300 })
  })
})

/** Puts, if the queue has not ended. */
function tryPut(queue: Queue, one: Packet): unknown {
  try {
    return queue.put(one)
  } catch {
    return undefined
  }
}

describe('the end of a queue', () => {
  test('comes once, and is told once', () => {
    const queue = filled(2, [1])
    const ends: number[] = []
    queue.attach({ arrived: () => {}, inputEnded: (input) => ends.push(input) }, 7)
    queue.end()
    queue.end()
    expect(ends).toEqual([7])
  })

  test('leaves what is inside to be taken', () => {
    const queue = filled(2, [1, 2])
    queue.end()
    expect(queue.over).toBe(false)
    expect([contents(queue), queue.over]).toEqual([[1, 2], true])
  })

  test('lets in whoever was waiting before it', async () => {
    const queue = filled(1, [1])
    const waiting = queue.put(packet(2))
    queue.end()
    expect([contents(queue), await waiting, queue.over]).toEqual([[1, 2], true, true])
  })

  test('refuses later puts', () => {
    const queue = filled(2)
    queue.end()
    expect(() => queue.put(packet(1))).toThrow(expect.objectContaining({ code: 'PLB_STATE_NOT_RUNNING' }))
    expect(queue.offer(packet(1))).toBe(false)
  })
})

describe('closing a queue', () => {
  test('loses what is inside, lets waiting producers go and tells the producer once', async () => {
    const queue = filled(2, ['a', 'b'])
    const lost: unknown[] = []
    let closed = 0
    queue.onLost = ({ value }) => lost.push(value)
    queue.onClose = () => closed++
    const waiting = queue.put(packet('c'))
    queue.close()
    queue.close()
    expect([await waiting, lost, closed]).toEqual([false, ['a', 'b'], 1])
    expect([queue.entered, queue.unprocessed, queue.size]).toEqual([2, 2, 0])
  })

  test('answers later puts with false', () => {
    const queue = filled(2)
    queue.close()
    expect([queue.put(packet(1)), queue.entered, queue.closed, queue.over]).toEqual([false, 0, true, true])
  })

  test('by clearing it does not tell the producer', async () => {
    const queue = filled(1, [1])
    let closed = 0
    queue.onClose = () => closed++
    const waiting = queue.put(packet(2))
    queue.clear()
    queue.close()
    expect([await waiting, closed, queue.unprocessed]).toEqual([false, 0, 1])
  })
})

describe('taking back what waits', () => {
  test('withdraws the packets of one root, and only those that wait', async () => {
    const queue = filled(1)
    const [mine, other] = [new Scope(), new Scope()]
    const puts = [mine, mine, other, mine].map((scope, n) => queue.put(new Packet(n, NO_META, scope)))
    expect([queue.isWaiting(mine), queue.isWaiting(other)]).toEqual([true, true])
    queue.withdraw(mine)
    expect([queue.isWaiting(mine), queue.isWaiting(other)]).toEqual([false, true])
    expect(contents(queue)).toEqual([0, 2])
    expect(await Promise.all(puts)).toEqual([true, false, true, false])
  })
})

describe('the receiver of a queue', () => {
  test('is told when an empty queue got a packet, and not for every packet', () => {
    const queue = new Queue(3)
    let told = 0
    queue.attach({ arrived: () => told++, inputEnded: () => {} }, 0)
    for (const n of [1, 2, 3]) queue.put(packet(n))
    expect(told).toBe(1)
    contents(queue)
    queue.put(packet(4))
    expect(told).toBe(2)
  })

  test('is told when a waiting packet refills a queue of one', () => {
    const queue = filled(1, [1])
    let told = 0
    queue.attach({ arrived: () => told++, inputEnded: () => {} }, 0)
    void queue.put(packet(2))
    queue.take()
    expect([told, queue.size]).toEqual([2, 1])
  })

  test('hears of what came and ended before it was attached', () => {
    const queue = filled(3, [1, 2])
    queue.end()
    const heard: string[] = []
    queue.attach({ arrived: (n) => heard.push(`arrived ${n}`), inputEnded: (n) => heard.push(`ended ${n}`) }, 3)
    expect(heard).toEqual(['arrived 3', 'ended 3'])
  })
})

describe('a loop over a queue', () => {
  test('gives what comes until the queue ends', async () => {
    const queue = new Queue(1)
    const seen: unknown[] = []
    const loop = (async () => {
      for await (const { value } of queue) seen.push(value)
    })()
    for (const n of range(5)) await queue.put(packet(n))
    queue.end()
    await loop
    expect(seen).toEqual(range(5))
  })

  test('closes the queue when it is left', async () => {
    const queue = filled(3, [1, 2, 3])
    let closed = 0
    queue.onClose = () => closed++
    for await (const { value } of queue) if (value === 2) break
    expect([queue.closed, closed, queue.left, queue.unprocessed]).toEqual([true, 1, 2, 1])
  })

  test('closes the queue when its body throws', async () => {
    const queue = filled(3, [1, 2])
    const reading = (async () => {
      for await (const _ of queue) throw new Error('mine')
    })()
    await expect(reading).rejects.toThrow('mine')
    expect(queue.closed).toBe(true)
  })

  test.each(['close', 'clear'] as const)('that waits ends when somebody calls %s', async (way) => {
    const queue = new Queue(1)
    const loop = (async () => {
      for await (const _ of queue);
    })()
    await turns(2)
    queue[way]()
    expect(await settlesSoon(loop)).toBe(true)
  })
})
