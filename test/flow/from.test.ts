import { Readable } from 'node:stream'
import { DROP } from '@pipelines/core'
import { concat, flow } from '@pipelines/flow'
import { type Gate, gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { settlesSoon } from '../support/turns.js'
import { all, byPlumber, double, Endless, first, nodesOf, plumberOf } from './flow-support.js'

function* numbers(count: number): Generator<number, void, void> {
  for (let n = 1; n <= count; n++) yield n
}

async function* lateNumbers(count: number): AsyncGenerator<number, void, void> {
  yield* numbers(count)
}

/** Never gives anything, and ends when nobody wants that any more. */
class Silent implements AsyncIterable<number> {
  readonly asked: Gate = gate()
  readonly left: Gate = gate();

  [Symbol.asyncIterator](): AsyncIterator<number> {
    const ended = { done: true, value: undefined } as const
    return {
      next: () => {
        this.asked.open()
        return this.left.opened.then(() => ended)
      },
      return: async () => {
        this.left.open()
        return ended
      },
    }
  }
}

/** What a source can be read from: each time something new with the items 1 to 3. */
const kinds = {
  'a list': () => [1, 2, 3],
  'a set': () => new Set([1, 2, 3]),
  'typed numbers': () => Uint8Array.of(1, 2, 3),
  'a generator': () => numbers(3),
  'an async generator': () => lateNumbers(3),
  'a list of promises': () => [1, Promise.resolve(2), 3],
  'a Node stream': () => Readable.from([1, 2, 3]),
  'a web stream': () =>
    new ReadableStream<number>({
      start(controller) {
        for (const n of numbers(3)) controller.enqueue(n)
        controller.close()
      },
    }),
  'an object that is iterable in two ways': () => ({
    [Symbol.asyncIterator]: () => lateNumbers(3),
    [Symbol.iterator]: () => numbers(100),
  }),
  'an object whose async way is empty': () => ({
    [Symbol.asyncIterator]: undefined,
    [Symbol.iterator]: () => numbers(3),
  }),
} satisfies Record<string, () => unknown>

type Numbers = Iterable<number> | AsyncIterable<number>

describe.each(Object.entries(kinds))('%s', (_, make) => {
  const data = (): Numbers => make() as Numbers // what each of them gives, awaited

  test('is read to its end', async () => {
    expect(await flow(data()).map(double).toArray()).toEqual([2, 4, 6])
  })

  test('gives the same items where they know their places', async () => {
    const items = await all(flow(data()).toIterable({ returnIndex: true }))
    expect(items).toEqual([1, 2, 3].map((value, place) => ({ index: [place], value })))
  })
})

const oneShots = ['a generator', 'an async generator', 'a Node stream', 'a web stream'] as const
const again = ['a list', 'a set', 'typed numbers', 'an object that is iterable in two ways'] as const

describe.each(oneShots)('%s can be read once', (kind) => {
  test('by the runs of a flow', async () => {
    const once = flow(kinds[kind]() as Numbers).map(double)
    expect(await once.toArray()).toEqual([2, 4, 6])
    await expect(once.toArray()).rejects.toMatchObject({ code: 'PLB_STATE_ALREADY_STARTED' })
  })

  test('by the runs of a Plumber', async () => {
    const plumber = plumberOf(flow(kinds[kind]() as Numbers).toBlueprint())
    expect(await plumber.collect()).toEqual([1, 2, 3])
    await expect(plumber.collect()).rejects.toMatchObject({ cause: { code: 'PLB_STATE_ALREADY_STARTED' } })
  })

  test('by several flows', async () => {
    const data = kinds[kind]() as Numbers
    expect(await flow(data).toArray()).toEqual([1, 2, 3])
    await expect(flow(data).toArray()).rejects.toMatchObject({ code: 'PLB_STATE_ALREADY_STARTED' })
  })
})

test('two sources cannot share what is read once', async () => {
  const once = numbers(3)
  const both = concat([flow(once), flow(once)])
  await expect(both.run()).rejects.toMatchObject({ cause: { code: 'PLB_STATE_ALREADY_STARTED' } })
})

test('what is read once is read by the first run that can begin', async () => {
  const once = numbers(2)
  const wrong = flow(once).map(double, { worker: 2 } as object)
  await expect(wrong.run()).rejects.toMatchObject({ code: 'PLB_GRAPH_INVALID' })
  expect(await flow(once).toArray()).toEqual([1, 2])
})

test('a flow is something that can be read as often as wanted, too', async () => {
  const outer = flow(flow([1, 2]).map(double)).map(double)
  expect(await outer.toArray()).toEqual([4, 8])
  expect(await outer.toArray()).toEqual([4, 8])
})

test.each(again)('%s can be read as often as wanted', async (kind) => {
  const often = flow(kinds[kind]() as Numbers)
  for (let run = 0; run < 3; run++) expect(await often.toArray()).toEqual([1, 2, 3])
})

test('one reader is begun per run, and none to have a look', async () => {
  const items = new Endless()
  const plumber = plumberOf(flow(items).take(2).toBlueprint())
  for (let run = 0; run < 3; run++) expect(await plumber.collect()).toEqual([0, 1])
  expect(items).toMatchObject({ begun: 3, returned: 3 })
})

test.each(['abc', null, 5, { length: 1 }, new Map([[1, 2]]).get(5) ?? false])('%o has no items to take', (data) => {
  expect(() => flow(data as never)).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
})

test('a text is refused with what to do in its stead', () => {
  expect(() => flow('abc')).toThrow('Put the text in a list, or split it.')
})

describe.each([false, true])('leaving the loop early, elementIndex: %s', (elementIndex) => {
  test('tells an iterator once', async () => {
    const items = new Endless()
    expect(await first(3, flow(items, { elementIndex }).map(double))).toEqual([0, 2, 4])
    expect(items).toMatchObject({ begun: 1, returned: 1 })
  })

  test('runs the finally of a generator', async () => {
    const seen: string[] = []
    function* items(): Generator<number> {
      try {
        for (let n = 0; ; n++) yield n
      } finally {
        seen.push('closed')
      }
    }
    await first(1, flow(items(), { elementIndex }))
    expect(seen).toEqual(['closed'])
  })

  test('destroys a Node stream', async () => {
    const stream = Readable.from(numbers(1_000))
    await first(2, flow(stream, { elementIndex }))
    expect(stream.destroyed).toBe(true)
  })

  test('cancels a web stream', async () => {
    let cancelled = 0
    const stream = new ReadableStream<number>({ pull: (to) => to.enqueue(1), cancel: () => void cancelled++ })
    await first(2, flow(stream, { elementIndex }))
    expect(cancelled).toBe(1)
  })

  test('reaches a source that waits for its next item', async () => {
    const source = new Silent()
    const items = flow(source, { elementIndex }).toIterable()
    const next = items.next()
    await source.asked.opened
    expect(await settlesSoon(items.return())).toBe(true)
    expect(source.left.isOpen).toBe(true)
    source.left.open()
    expect(await next).toMatchObject({ done: true })
  })
})

describe.each([false, true])('a source that fails, elementIndex: %s', (elementIndex) => {
  const error = new RangeError('no more')

  test('fails the run with its own error, after the items before it', async () => {
    function* failing(): Generator<number> {
      yield 1
      throw error
    }
    const seen: number[] = []
    const run = flow(failing(), { elementIndex })
      .each((n) => seen.push(n))
      .run()
    await expect(run).rejects.toMatchObject({ code: 'PLB_NODE_FAILED', cause: error, details: { node: 'from' } })
    expect(seen).toEqual([1])
  })

  test('fails it also where it cannot be opened', async () => {
    const closed = {
      [Symbol.iterator](): never {
        throw error
      },
    }
    await expect(flow(closed, { elementIndex }).run()).rejects.toMatchObject({ cause: error })
  })

  test('fails it also where a promise of it rejects', async () => {
    function* rejecting(): Generator<number | Promise<never>> {
      yield 1
      yield Promise.reject(error)
    }
    await expect(flow(rejecting(), { elementIndex }).run()).rejects.toMatchObject({ cause: error })
  })

  test('fails it also where it is a stream', async () => {
    const stream = new Readable({ objectMode: true, read() {} })
    const run = flow(stream, { elementIndex }).run()
    stream.push(1)
    stream.destroy(error)
    await expect(run).rejects.toMatchObject({ cause: error })
  })
})

test.each([false, true])('DROP among the items is left out, elementIndex: %s', async (elementIndex) => {
  expect(await byPlumber(flow([1, DROP, 2], { elementIndex }))).toEqual([1, 2])
})

test('a source has the name that it is given', () => {
  expect(Object.keys(nodesOf(flow([1], { name: 'numbers' })))).toEqual(['numbers'])
})

test('a large source is not taken at once: it waits for what comes after it', async () => {
  const items = new Endless()
  const stage = flow(items).map(async (n: number) => n, { queueSize: 2 })
  await first(1, stage)
  // One that was taken, three on their way out, three in front of the stage and one in hand at the source.
  expect(items.read).toBeLessThanOrEqual(8)
})
