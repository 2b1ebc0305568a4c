import { Counters, packet, Queue } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { Faulty, type Inlet, MergeInlet, SingleInlet, type Taken } from '../../packages/core/src/inlet.js'
import { range } from '../support/plans.js'
import { turns } from '../support/turns.js'

/** An inlet over new queues of these capacities, with how often it woke its node. */
function merged(...capacities: number[]) {
  const queues = capacities.map((capacity) => new Queue(capacity))
  const counters = new Counters()
  const woken = { times: 0 }
  const inlet = new MergeInlet(queues, counters, () => void woken.times++)
  return { queues, inlet, counters, woken }
}

const put = (queue: Queue | undefined, ...values: unknown[]): void => {
  for (const value of values) void queue?.put(packet(value))
}

const contentOf = (taken: Taken | undefined): unknown => (taken instanceof Faulty ? taken.error : taken?.value)

function drained(inlet: Inlet): unknown[] {
  const values: unknown[] = []
  for (let next = inlet.take(); next; next = inlet.take()) values.push(contentOf(next))
  return values
}

describe('an inlet of one edge', () => {
  test('takes in order, counts, and is over when the edge has ended and is empty', () => {
    const queue = new Queue(3)
    const counters = new Counters()
    const inlet = new SingleInlet(queue, counters, () => {})
    expect([inlet.ready, inlet.over]).toEqual([false, false])
    put(queue, 1, 2)
    queue.end()
    expect([inlet.ready, inlet.over]).toEqual([true, false])
    expect([drained(inlet), counters.received, inlet.ready, inlet.over]).toEqual([[1, 2], 2, false, true])
  })

  test('wakes its node for the first packet and for the end', () => {
    const queue = new Queue(3)
    let woken = 0
    const inlet = new SingleInlet(queue, new Counters(), () => woken++)
    put(queue, 1, 2)
    expect(woken).toBe(1)
    queue.end()
    expect([woken, inlet.over]).toEqual([2, false])
  })

  test('tells the producer when it is closed, and not when it is cleared', () => {
    const told = (['close', 'clear'] as const).map((way) => {
      const queue = new Queue(1)
      let closed = 0
      queue.onClose = () => closed++
      new SingleInlet(queue, new Counters(), () => {})[way]()
      return closed
    })
    expect(told).toEqual([1, 0])
  })
})

describe('an inlet that merges', () => {
  test('goes round among the inputs that hold something', () => {
    const { queues, inlet } = merged(9, 9, 9)
    put(queues[0], 'a1', 'a2', 'a3')
    put(queues[2], 'c1', 'c2')
    put(queues[1], 'b1')
    expect(drained(inlet)).toEqual(['a1', 'c1', 'b1', 'a2', 'c2', 'a3'])
  })

  test('lets an input that was empty join the round when something came', () => {
    const { queues, inlet } = merged(9, 9)
    put(queues[0], 'a1', 'a2', 'a3')
    expect(contentOf(inlet.take())).toBe('a1')
    put(queues[1], 'b1', 'b2')
    expect(drained(inlet)).toEqual(['a2', 'b1', 'a3', 'b2'])
  })

  test('gives nobody a second turn because a waiting producer refills its queue of one', () => {
    const { queues, inlet } = merged(1, 1)
    put(queues[0], ...range(4).map((n) => `a${n}`))
    put(queues[1], ...range(4).map((n) => `b${n}`))
    expect(drained(inlet)).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'a3', 'b3'])
  })

  test('starves nobody: between two turns of one input every other one that waits has its own', () => {
    const { queues, inlet } = merged(1, 1, 1, 1)
    queues.forEach((queue, input) => {
      for (const _ of range(50)) put(queue, input)
    })
    const turns = drained(inlet)
    expect(turns).toEqual(range(50).flatMap(() => [0, 1, 2, 3]))
  })

  test('keeps the order of each input and loses nothing with producers that wait', async () => {
    const { queues, inlet, counters } = merged(1, 2, 3)
    const produced = queues.map(async (queue, input) => {
      for (const n of range(40)) await queue.put(packet([input, n]))
      queue.end()
    })
    const seen: unknown[] = []
    while (!inlet.over) {
      seen.push(...drained(inlet))
      await turns(1)
    }
    await Promise.all(produced)
    for (const input of range(3))
      expect(seen.filter((value) => Array.isArray(value) && value[0] === input)).toEqual(
        range(40).map((n) => [input, n]),
      )
    expect(counters.received).toBe(120)
  })

  test('is over when every input has ended and is empty', () => {
    const { queues, inlet } = merged(1, 1)
    put(queues[0], 1)
    queues[0]?.end()
    queues[1]?.end()
    expect(inlet.over).toBe(false)
    inlet.take()
    expect(inlet.over).toBe(true)
  })

  test('takes what was there, and sees what had ended, before it was made', () => {
    const queues = [new Queue(3), new Queue(3)]
    put(queues[0], 'a1', 'a2')
    queues[0]?.end()
    queues[1]?.end()
    const inlet = new MergeInlet(queues, new Counters(), () => {})
    expect([drained(inlet), inlet.over]).toEqual([['a1', 'a2'], true])
  })

  test.each(['close', 'clear'] as const)('has nothing to give after %s', (way) => {
    const { queues, inlet } = merged(2, 2)
    put(queues[0], 1, 2)
    put(queues[1], 3)
    inlet[way]()
    expect([inlet.ready, inlet.over, inlet.take(), queues.map((queue) => queue.unprocessed)]).toEqual([
      false,
      true,
      undefined,
      [2, 1],
    ])
  })

  test('wakes its node when an empty input got something, and at every end', () => {
    const { queues, inlet, woken } = merged(2, 2)
    put(queues[0], 1, 2)
    put(queues[1], 3)
    expect(woken.times).toBe(2)
    drained(inlet)
    for (const queue of queues) queue.end()
    expect(woken.times).toBe(4)
  })
})
