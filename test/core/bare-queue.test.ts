import { type Meta, Packet, Queue } from '@pipelines/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NO_META, Scope } from '../../packages/core/src/packet.js'
import { turns } from '../support/turns.js'

/*
 * A queue whose values travel without packets as long as nothing inside needs one. Whoever takes packets gets packets.
 */

const scope = new Scope()
const plain = (value: unknown): Packet => new Packet(value, NO_META, scope)
const withMeta = (value: unknown, meta: Meta = { of: value }): Packet => new Packet(value, meta, scope)
const ofOther = (value: unknown): Packet => new Packet(value, NO_META, new Scope())

/** A queue with these values inside. */
function bareQueue(capacity: number, values: readonly unknown[] = []): Queue {
  const queue = new Queue(capacity, { scope })
  for (const value of values) expect(queue.offerBare(value)).toBe(true)
  return queue
}

/** Everything inside, as packets. */
function taken(queue: Queue): Packet[] {
  const packets: Packet[] = []
  for (let packet = queue.take(); packet !== undefined; packet = queue.take()) packets.push(packet)
  return packets
}

const valuesOf = (packets: readonly Packet[]): unknown[] => packets.map(({ value }) => value)

describe('a queue of bare values', () => {
  test('gives them first in, first out, as they are', () => {
    const values = [undefined, null, Number.NaN, Symbol('s'), withMeta(1), () => 1]
    const queue = bareQueue(10, values)
    expect(queue.bare).toBe(true)
    for (const value of values) expect(queue.takeBare()).toBe(value)
    expect([queue.size, queue.entered, queue.left]).toEqual([0, 6, 6])
  })

  test('gives them in plain packets to those who want packets', () => {
    const inside = withMeta('a packet as a value')
    const [first, second] = taken(bareQueue(2, [undefined, inside]))
    expect(first).toMatchObject({ value: undefined, meta: NO_META, scope, frame: undefined, parts: undefined })
    expect(second?.value).toBe(inside)
    expect(second?.meta).toBe(NO_META)
  })

  test('takes no more of them than there is room for', () => {
    const queue = bareQueue(2, [1, 2])
    expect([queue.hasRoomForBare, queue.offerBare(3), queue.size, queue.entered]).toEqual([false, false, 2, 2])
    queue.takeBare()
    expect([queue.hasRoomForBare, queue.offerBare(3), queue.size]).toEqual([true, true, 2])
  })

  test.each([
    ['has ended', (queue: Queue) => queue.end()],
    ['was closed', (queue: Queue) => queue.close()],
    ['was cleared', (queue: Queue) => queue.clear()],
  ])('takes none when it %s', (_, end) => {
    const queue = bareQueue(2)
    end(queue)
    expect([queue.hasRoomForBare, queue.offerBare(1), queue.entered]).toEqual([false, false, 0])
  })

  test('takes none where its consumer wants packets', () => {
    const queue = new Queue(2)
    expect([queue.takesBare, queue.bare, queue.offerBare(1), queue.size]).toEqual([false, false, false, 0])
    expect(bareQueue(1).takesBare).toBe(true)
  })

  test('takes plain packets as values', () => {
    const queue = bareQueue(3, [1])
    expect(queue.offer(plain(2))).toBe(true)
    expect([queue.bare, queue.takeBare(), queue.takeBare()]).toEqual([true, 1, 2])
  })

  test.each([
    ['with meta', withMeta],
    ['of another scope', ofOther],
    ['with a frame', (value: unknown) => new Packet(value, NO_META, scope, {} as never)],
  ])('keeps the order when a packet %s comes, and takes no bare values behind it', (_, packetOf) => {
    const queue = bareQueue(5, [1, 2])
    const packet = packetOf(3)
    expect(queue.offer(packet)).toBe(true)
    expect([queue.bare, queue.hasRoomForBare, queue.offerBare(4)]).toEqual([false, false, false])
    expect(queue.offer(plain(4))).toBe(true)
    const packets = taken(queue)
    expect(valuesOf(packets)).toEqual([1, 2, 3, 4])
    expect(packets[2]).toBe(packet)
    for (const place of [0, 1, 3]) expect(packets[place]).toMatchObject({ meta: NO_META, scope, frame: undefined })
  })

  test('is one again when it was emptied and something plain comes', () => {
    const queue = bareQueue(3)
    queue.offer(withMeta(1))
    queue.take()
    expect(queue.offer(plain(2))).toBe(true)
    expect([queue.bare, queue.offerBare(3), queue.takeBare(), queue.takeBare()]).toEqual([true, true, 2, 3])
  })

  test('tells its consumer of the first only', () => {
    const arrivals: number[] = []
    const queue = bareQueue(3)
    queue.attach({ arrived: (input) => void arrivals.push(input), inputEnded: () => {} }, 7)
    queue.offerBare(1)
    queue.offerBare(2)
    queue.takeBare()
    queue.takeBare()
    queue.offerBare(undefined)
    expect(arrivals).toEqual([7, 7])
  })

  test('wakes one who waits for each that is taken, and its value comes behind the others', async () => {
    const queue = bareQueue(2, [1, 2])
    const accepted: unknown[] = []
    for (const packet of [plain(3), withMeta(4), plain(5)])
      void Promise.resolve(queue.put(packet)).then((taken) => accepted.push([packet.value, taken]))
    expect(queue.waits).toBe(3)
    expect(queue.takeBare()).toBe(1)
    await turns(1)
    expect([accepted, queue.size, queue.bare]).toEqual([[[3, true]], 2, true])
    expect(queue.offerBare('in between')).toBe(false)
    expect(queue.takeBare()).toBe(2)
    await turns(1)
    expect([accepted.length, queue.bare]).toEqual([2, false])
    expect(valuesOf(taken(queue))).toEqual([3, 4, 5])
    await turns(1)
    expect(accepted).toHaveLength(3)
  })

  test('reports each one that it loses, as a packet', () => {
    const lost: Packet[] = []
    const queue = bareQueue(3, ['a', undefined])
    queue.onLost = (packet) => void lost.push(packet)
    queue.close()
    expect(lost).toMatchObject([
      { value: 'a', meta: NO_META, scope },
      { value: undefined, meta: NO_META, scope },
    ])
    expect([queue.unprocessed, queue.size]).toEqual([2, 0])
  })

  test('has nothing of a request that is cancelled', () => {
    const queue = bareQueue(3, [1, 2])
    expect([queue.discard(new Scope()), queue.size, queue.bare]).toEqual([false, 2, true])
    const other = ofOther(3)
    queue.offer(other)
    expect([queue.discard(other.scope), queue.size, queue.unprocessed]).toEqual([true, 2, 1])
    expect(valuesOf(taken(queue))).toEqual([1, 2])
  })

  test('knows how long its oldest has been inside', () => {
    expect(bareQueue(1).oldestMs).toBe(0)
    expect(bareQueue(1, [undefined]).oldestMs).toBeGreaterThanOrEqual(0)
  })
})

/** What is done to a queue. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.constant('offer bare') },
  { weight: 2, arbitrary: fc.constant('offer plain') },
  { weight: 2, arbitrary: fc.constant('offer meta') },
  { weight: 2, arbitrary: fc.constant('put plain') },
  { weight: 2, arbitrary: fc.constant('put meta') },
  { weight: 3, arbitrary: fc.constant('take') },
  { weight: 3, arbitrary: fc.constant('take bare') },
)
const steps = fc.array(step, { maxLength: 80 })

test('whatever is done to it, a queue is first in first out, within its capacity, and its books balance', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 5 }), steps, async (capacity, steps) => {
      const queue = bareQueue(capacity)
      const entering: { value: number; meta: boolean }[] = []
      const out: { value: unknown; meta: boolean }[] = []
      let next = 0
      for (const one of steps) {
        const value = next++
        const meta = one.endsWith('meta')
        const packet = meta ? withMeta(value) : plain(value)
        if (one === 'offer bare' && queue.offerBare(value)) entering.push({ value, meta })
        if (one.startsWith('offer ') && one !== 'offer bare' && queue.offer(packet)) entering.push({ value, meta })
        if (one.startsWith('put')) {
          void queue.put(packet)
          entering.push({ value, meta })
        }
        if (one === 'take' || (one === 'take bare' && !queue.bare)) {
          const packet = queue.take()
          if (packet !== undefined) out.push({ value: packet.value, meta: packet.meta !== NO_META })
        } else if (one === 'take bare' && queue.size > 0) out.push({ value: queue.takeBare(), meta: false })
        expect(queue.size).toBeLessThanOrEqual(capacity)
        expect(queue.entered).toBe(queue.left + queue.unprocessed + queue.size)
        if (queue.crowd > 0) expect(queue.hasRoomForBare, 'nobody overtakes those who wait').toBe(false)
      }
      for (const { value, meta } of taken(queue)) out.push({ value, meta: meta !== NO_META })
      expect(out).toEqual(entering)
    }),
    { numRuns: 500 },
  )
})
