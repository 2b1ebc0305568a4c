import { type Context, type Coro, DROP } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { finish, items, line, type NodeSpec, range, same, start } from '../support/plans.js'
import { turns, until } from '../support/turns.js'

type Inputs = AsyncIterable<number>
const stream = (coro: (inputs: Inputs, ctx: Context) => unknown, props: NodeSpec['props'] = {}): NodeSpec => ({
  kind: 'stream',
  coro: coro as Coro,
  props,
})

async function* doubled(inputs: Inputs): AsyncGenerator<number> {
  for await (const n of inputs) yield n * 2
}

describe('a stream coroutine', () => {
  test('consumes its input as one iterable for the whole run', async () => {
    const { values, report } = await finish(line({ src: items(...range(200)), work: stream(doubled), out: same }))
    expect(values).toEqual(range(200).map((n) => n * 2))
    expect(report.nodes.work).toMatchObject({ received: 200, completed: 200, emitted: 200, dropped: 0 })
  })

  test('may give one result at the end', async () => {
    const sum = async (inputs: Inputs): Promise<number> => {
      let total = 0
      for await (const n of inputs) total += n
      return total
    }
    const { values, report } = await finish(line({ src: items(1, 2, 3), work: stream(sum), out: same }))
    expect([values, report.nodes.work?.dropped]).toEqual([[6], 3])
  })

  test.each([
    ['undefined', undefined],
    ['DROP', DROP],
  ])('that returns %s gives nothing', async (_, returned) => {
    const all = async (inputs: Inputs): Promise<unknown> => {
      for await (const _ of inputs);
      return returned
    }
    const { values } = await finish(line({ src: items(1, 2), work: stream(all), out: same }))
    expect(values).toEqual([])
  })

  test('completes an item when it asks for the next one', async () => {
    const held = gate()
    const slow = async (inputs: Inputs): Promise<void> => {
      for await (const n of inputs) if (n === 1) await held.opened
    }
    const run = start(line({ src: items(0, 1, 2), work: stream(slow) }))
    await turns()
    expect(run.network.snapshot().nodes.work).toMatchObject({ received: 2, completed: 1, inProgress: 1 })
    held.open()
    expect((await run.report()).nodes.work).toMatchObject({ received: 3, completed: 3 })
  })

  test('gives outputs that descend from the item it took last', async () => {
    const pairs = async function* (inputs: Inputs): AsyncGenerator<string> {
      let last: number | undefined
      for await (const n of inputs) {
        if (last !== undefined) yield `${last}${n}`
        last = n
      }
    }
    const src = async (out: { put: (n: number, o: object) => Promise<void> }) => {
      for (const n of range(3)) await out.put(n, { meta: { n } })
    }
    const run = start(line({ src: src as never, work: stream(pairs) }))
    await run.report()
    expect(run.outputs.map(({ value, meta }) => [value, meta])).toEqual([
      ['01', { n: 1 }],
      ['12', { n: 2 }],
    ])
  })

  test('emits in the order of what it yields', async () => {
    const both = async function* (inputs: Inputs, ctx: Context): AsyncGenerator<string> {
      for await (const n of inputs) {
        ctx.emit('out', `${n} emitted`)
        yield `${n} yielded`
        ctx.emit('out', `${n} after`)
      }
    }
    const { values } = await finish(line({ src: items(1, 2), work: stream(both), out: same }))
    expect(values).toEqual(['1 emitted', '1 yielded', '1 after', '2 emitted', '2 yielded', '2 after'])
  })

  test('is one instance per worker, and they share the input', async () => {
    const seen: number[][] = []
    const share = async (inputs: Inputs): Promise<void> => {
      const mine: number[] = []
      seen.push(mine)
      for await (const n of inputs) {
        mine.push(n)
        await turns(1)
      }
    }
    await finish(line({ src: items(...range(30)), work: stream(share, { workers: 3 }) }))
    expect(seen).toHaveLength(3)
    expect(seen.flat().toSorted((a, b) => a - b)).toEqual(range(30))
    for (const mine of seen) expect(mine.length).toBeGreaterThan(3)
  })

  test('waits when its successor is full', async () => {
    const held = gate()
    let taken = 0
    const work = stream(async function* (inputs) {
      for await (const n of inputs) {
        taken++
        yield n
      }
    })
    const out = { coro: () => held.opened, props: { queueSize: 1 } }
    const run = start(line({ src: items(...range(50)), work, out }))
    await turns()
    expect(taken).toBe(1 + 1 + 1)
    held.open()
    await run.report()
    expect(taken).toBe(50)
  })
})

describe('a stream coroutine that returns early', () => {
  test('closes its input and so stops its source, which is a success', async () => {
    let closed = false
    const src = function* (): Generator<number> {
      try {
        for (let n = 0; ; n++) yield n
      } finally {
        closed = true
      }
    }
    const take = stream(async function* (inputs) {
      for await (const n of inputs) {
        yield n
        if (n === 2) return
      }
    })
    const { report, values } = await finish(line({ src, mid: same, take, out: same }))
    expect([report.outcome, report.error, values, closed]).toEqual(['completed', undefined, [0, 1, 2], true])
  })

  test('leaves the other consumers of its source alone', async () => {
    const one = stream(async (inputs) => {
      for await (const _ of inputs) return
    })
    const { report, values } = await finish({
      src: { coro: items(...range(300)), to: ['one', 'all'] },
      one,
      all: { coro: same },
    })
    expect([report.outcome, values]).toEqual(['completed', range(300)])
  })

  test('as one of several workers leaves the input to the others', async () => {
    let instances = 0
    const work = stream(
      async function* (inputs) {
        const mine = instances++
        for await (const n of inputs) {
          yield n
          if (mine === 0) return
          await turns(1)
        }
      },
      { workers: 3 },
    )
    const { report, values } = await finish(line({ src: items(...range(60)), work, out: same }))
    expect([report.outcome, values.toSorted((a, b) => Number(a) - Number(b))]).toEqual(['completed', range(60)])
  })

  test('without having looked at its input is a success', async () => {
    const { report } = await finish(line({ src: items(...range(300)), work: stream(() => undefined) }))
    expect([report.outcome, report.nodes.work?.received]).toEqual(['completed', 0])
  })
})

describe('a stream coroutine that is stopped', () => {
  test('has its finally block run when its successor is done', async () => {
    const notes: string[] = []
    const work = stream(async function* (inputs) {
      try {
        for await (const n of inputs) yield n
      } finally {
        notes.push('finally')
      }
    })
    const one = stream(async (inputs) => {
      for await (const _ of inputs) return
    })
    const { report } = await finish(line({ src: items(...range(300)), work, one }))
    expect([report.outcome, notes]).toEqual(['completed', ['finally']])
  })

  test('at doomsday, while it waits for input, is told the reason', async () => {
    const told: unknown[] = []
    const work = stream(async (inputs) => {
      try {
        for await (const _ of inputs);
      } catch (error) {
        told.push(error)
        throw error
      }
    })
    const run = start({ in: { kind: 'inlet', to: ['work'] }, work })
    await turns()
    await run.network.doomsday('enough')
    expect([told, (await run.report()).errors]).toEqual([['enough'], []])
  })

  test('at doomsday, with an item in hand, reports that item', async () => {
    const work = stream(async (inputs, { signal }) => {
      for await (const _ of inputs)
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    const run = start(line({ src: items('a', 'b'), work }))
    await turns()
    await run.network.doomsday()
    const { nodes, unprocessed } = await run.report()
    expect(nodes.work).toMatchObject({ received: 1, unprocessed: 1, failed: 0 })
    expect(unprocessed.map(({ value }) => value)).toEqual(expect.arrayContaining(['a', 'b']))
  })

  test('and never settles is abandoned, and named', async () => {
    const run = start(line({ src: items(1), work: stream(() => new Promise(() => {})) }), { graceMs: 5 })
    await turns()
    expect((await run.network.doomsday()).abandoned).toEqual(['work'])
  })
})

describe('a stream coroutine that fails', () => {
  test('ends the run, also with "skip", and counts the item in hand as failed', async () => {
    const work = stream(
      async (inputs) => {
        for await (const n of inputs) if (n === 3) throw new Error('three')
      },
      { onError: 'skip' },
    )
    const { report } = await finish(line({ src: items(...range(9)), work }))
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_NODE_FAILED', cause: { message: 'three' } } })
    expect(report.nodes.work).toMatchObject({ completed: 3, failed: 1 })
  })
})

describe('the workers of a stream coroutine', () => {
  const counting = () => {
    const instances = { now: 0 }
    const work = (workers: number) =>
      stream(
        async function* (inputs) {
          instances.now++
          try {
            for await (const n of inputs) yield n
          } finally {
            instances.now--
          }
        },
        { workers },
      )
    return { instances, work }
  }

  test('may become more while it runs', async () => {
    const { instances, work } = counting()
    const run = start({ in: { kind: 'inlet', to: ['work'] }, work: work(1) })
    await turns()
    run.network.setWorkers(1, 3)
    await turns()
    expect(instances.now).toBe(3)
    await run.network.drain()
    expect(instances.now).toBe(0)
  })

  test('may become fewer without an end of its input', async () => {
    const { instances, work } = counting()
    const run = start({ in: { kind: 'inlet', to: ['work'] }, work: work(3) })
    await turns()
    run.network.setWorkers(1, 1)
    for (const n of range(10)) await run.network.put(0, n)
    await until(() => run.values.length === 10)
    expect(instances.now).toBe(1)
    const report = await run.network.drain()
    expect([report.outcome, run.values.toSorted((a, b) => Number(a) - Number(b))]).toEqual(['completed', range(10)])
  })

  test('wait while the network is paused', async () => {
    const { work } = counting()
    const run = start({ in: { kind: 'inlet', to: ['work'] }, work: work(2) })
    await turns()
    run.network.pause()
    const put = run.network.put(0, 1)
    await turns()
    expect(run.values).toEqual([])
    run.network.resume()
    await put
    await run.network.drain()
    expect(run.values).toEqual([1])
  })
})

test('a stream coroutine may consume a join', async () => {
  const { values } = await finish({
    src: { coro: items(...range(100)), to: ['a', 'join'] },
    a: { coro: (n: number) => -n, to: ['join'] },
    join: {
      kind: 'stream',
      coro: async function* (inputs: AsyncIterable<[number, number]>) {
        for await (const [a, b] of inputs) yield a + b
      } as never,
    },
  })
  expect(values).toEqual(range(100).map(() => 0))
})
