import { type Context, DROP } from '@pipelines/core'
import { execute, portable, tasks } from '@pipelines/flow/tasks'
import { Plumber } from '@pipelines/plumber'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { endless, failureOf, range, reportOf, turns } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

function* numbers({ count }: { count: number }): Generator<number> {
  for (let n = 0; n < count; n++) yield n
}

async function* scaled(inputs: AsyncIterable<number>, { by }: { by: number }): AsyncGenerator<number> {
  for await (const n of inputs) yield n * by
}

async function kept<T>(inputs: AsyncIterable<T>, { keep }: { keep(value: T): unknown }): Promise<void> {
  for await (const value of inputs) await keep(value)
}

/** A last task that keeps what it takes. */
function keeping<T>() {
  const values: T[] = []
  const run = (inputs: AsyncIterable<T>): Promise<void> => kept(inputs, { keep: (value) => values.push(value) })
  return { values, run }
}

test('items go from the first task through the others to the last one', async () => {
  const { values, run } = keeping<number>()
  const report = await execute([
    { run: numbers, constants: { count: 4 } },
    { run: scaled, constants: { by: 10 } },
    { run: scaled, constants: { by: 2 } },
    { run },
  ])
  expect(values).toEqual([0, 20, 40, 60])
  expect(report.outcome).toBe('completed')
  expectBalancedBooks(report, [])
})

test('a task gives any number of items for those that it takes, and keeps a state of its own', async () => {
  const { values, run } = keeping<number[]>()
  const pairs = async function* (inputs: AsyncIterable<number>) {
    let pair: number[] = []
    for await (const n of inputs) {
      pair.push(n)
      if (pair.length < 2) continue
      yield pair
      pair = []
    }
    if (pair.length > 0) yield pair
  }
  await execute([{ run: numbers, constants: { count: 5 } }, { run: pairs }, { run }])
  expect(values).toEqual([[0, 1], [2, 3], [4]])
})

test('without tasks nothing is done', async () => {
  expect(await execute([])).toBeUndefined()
  expect(await tasks([]).execute()).toBeUndefined()
})

test('a single task takes and gives nothing', async () => {
  const told: unknown[] = []
  const run = async ({ text }: { text: string }, { node }: Context) => void told.push(text, node)
  const report = await execute([{ run, name: 'only', constants: { text: 'hello' } }])
  expect(told).toEqual(['hello', 'only'])
  expect(report.outcome).toBe('completed')
})

test('a task without constants is given an empty object, and the context in any case', async () => {
  const seen: unknown[] = []
  const first = function* (constants: object, ctx: Context) {
    yield [constants, ctx.node]
  }
  const last = async (inputs: AsyncIterable<unknown>, constants: object, { env }: Context) => {
    for await (const item of inputs) seen.push(item, constants, env.who)
  }
  await execute([{ run: first }, { run: last }], { env: { who: 'ann' } })
  expect(seen).toEqual([[{}, 'first'], {}, 'ann'])
})

test('plain functions may give any iterable, and a function may be the result of another one', async () => {
  const { values, run } = keeping<number>()
  const scaledBy = (by: number) => (inputs: AsyncIterable<number>) => scaled(inputs, { by })
  await execute([{ run: () => new Set([1, 2]) }, { run: scaledBy(3) }, { run }])
  expect(values).toEqual([3, 6])
})

test('DROP is no item', async () => {
  const { values, run } = keeping<number>()
  const odd = async function* (inputs: AsyncIterable<number>) {
    for await (const n of inputs) yield n % 2 === 1 ? n : DROP
  }
  await execute([{ run: numbers, constants: { count: 4 } }, { run: odd }, { run }])
  expect(values).toEqual([1, 3])
})

test('lists and plain objects among the constants are copies that nobody can change', async () => {
  const words = ['a']
  const list = tasks([
    {
      run: ({ words }: { words: string[] }) => {
        words.push('b')
      },
      constants: { words },
    },
  ])
  expect((await failureOf(() => list.execute())).cause).toBeInstanceOf(TypeError)
  expect(words).toEqual(['a'])
})

test('with one packet in flight an item is made when the last task asks for it', async () => {
  const log: string[] = []
  const made = function* () {
    for (const n of range(3)) {
      log.push(`made ${n}`)
      yield n
    }
  }
  const passed = async function* (inputs: AsyncIterable<number>) {
    for await (const n of inputs) {
      log.push(`passed ${n}`)
      yield n
    }
  }
  await execute([
    { run: made },
    { run: passed },
    { run: kept<number>, constants: { keep: (n) => log.push(`kept ${n}`) } },
  ])
  expect(log).toEqual(range(3).flatMap((n) => [`made ${n}`, `passed ${n}`, `kept ${n}`]))
})

test.each([1, 3, 100])(
  'with %i packets in flight so many are made before one is given back',
  async (packetsInFlight) => {
    const numbers = endless()
    let made = 0
    const looking = async (inputs: AsyncIterable<number>) => {
      for await (const _ of inputs) {
        await turns(5)
        made = numbers.read
        return
      }
    }
    await execute([{ run: numbers.source, packetsInFlight }, { run: looking }])
    expect(made).toBe(packetsInFlight)
  },
)

test('workers are instances of their own, each item goes to one of them', async () => {
  const { values, run } = keeping<readonly [number, number]>()
  const met = gate()
  const here = new Set<number>()
  const meeting = async function* (inputs: AsyncIterable<number>, _: object, { worker }: Context) {
    for await (const n of inputs) {
      if (here.add(worker.index).size === 3) met.open()
      await met.opened
      yield [n, worker.index] as const
    }
  }
  await execute([
    { run: numbers, constants: { count: 9 }, packetsInFlight: 3 },
    { run: meeting, workers: 3, packetsInFlight: 3 },
    { run },
  ])
  expect(values.map(([n]) => n).sort()).toEqual(range(9))
  expect(new Set(values.map(([, worker]) => worker))).toEqual(new Set([0, 1, 2]))
})

test('the last task may have several workers, whatever its packets in flight', async () => {
  const seen: number[] = []
  const constants = { keep: (n: number) => seen.push(n) }
  await execute([
    { run: numbers, constants: { count: 5 } },
    { run: kept<number>, constants, workers: 4 },
  ])
  expect(seen.sort()).toEqual(range(5))
})

test('a task that returns early ends those before it, and the run succeeds', async () => {
  const numbers = endless()
  const { values, run } = keeping<number>()
  const firstTwo = async function* (inputs: AsyncIterable<number>) {
    let count = 0
    for await (const n of inputs) {
      yield n
      if (++count === 2) return
    }
  }
  const report = await execute([{ run: numbers.source, packetsInFlight: 5 }, { run: firstTwo }, { run }])
  expect(values).toEqual([0, 1])
  expect(numbers.closed).toBe(true)
  expect(report.outcome).toBe('completed')
})

test('the first error ends the run: it names the task, and its cause is what was thrown', async () => {
  const numbers = endless()
  const thrown = new RangeError('7 is too much')
  const strict = async function* (inputs: AsyncIterable<number>) {
    for await (const n of inputs) {
      if (n === 7) throw thrown
      yield n
    }
  }
  const error = await failureOf(() => execute([{ run: numbers.source }, { run: strict }, { run: keeping().run }]))
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'strict' } })
  expect(error.cause).toBe(thrown)
  expect(reportOf(error).outcome).toBe('failed')
  expect(numbers.closed).toBe(true)
})

test('what tasks throw because others have failed is not the error', async () => {
  const thrown = new Error('the first one')
  const failing = async (inputs: AsyncIterable<number>) => {
    for await (const _ of inputs) throw thrown
  }
  const following = async function* (inputs: AsyncIterable<number>) {
    try {
      yield* inputs
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: what some people write
      throw new Error('a later one')
    }
  }
  const list = tasks([{ run: endless().source }, { run: following }, { run: failing }])
  expect((await failureOf(() => list.execute())).cause).toBe(thrown)
})

test('nothing that moves for too long is an error', async () => {
  const never = gate()
  const waiting = async (inputs: AsyncIterable<number>, _: object, { signal }: Context) => {
    signal.addEventListener('abort', () => never.open(), { once: true })
    for await (const _ of inputs) await never.opened
  }
  const list = tasks([{ run: numbers, constants: { count: 1 } }, { run: waiting }], { inactivityMs: 5 })
  expect(await failureOf(() => list.execute())).toMatchObject({ code: 'PLB_RUN_STALLED' })
})

test('an abort of the signal dooms the run', async () => {
  const abort = new AbortController()
  const last = async (inputs: AsyncIterable<number>) => {
    for await (const _ of inputs) abort.abort(new Error('enough'))
  }
  const list = tasks([{ run: endless().source }, { run: last }])
  const error = await failureOf(() => list.execute({ signal: abort.signal }))
  expect(error).toMatchObject({ name: 'AbortError', code: 'PLB_RUN_DOOMED', cause: { message: 'enough' } })
})

test('a list may run several times, with other options each time', async () => {
  const { values, run } = keeping<unknown>()
  const first = function* (_: object, { env }: Context) {
    yield env.run
  }
  const list = tasks([{ run: first }, { run }])
  await list.execute({ env: { run: 1 } })
  await list.execute({ env: { run: 2 } })
  expect(values).toEqual([1, 2])
})

test('its graph is JSON, one node for each task', () => {
  const wide = { run: scaled, constants: { by: 2 }, workers: 2, packetsInFlight: 100 }
  const { graph } = tasks([
    { run: numbers, constants: { count: 1 }, packetsInFlight: 2 },
    wide,
    { run: async (_: AsyncIterable<number>) => {} },
  ]).toBlueprint()
  expect(JSON.parse(JSON.stringify(graph))).toEqual({
    version: 1,
    nodes: {
      numbers: {
        coro: 'tasks.source',
        args: { fn: 'numbers', constants: { count: 1 } },
        properties: { packetsInFlight: 2 },
      },
      scaled: {
        coro: 'tasks.stage',
        args: { fn: 'scaled', constants: { by: 2 } },
        properties: { packetsInFlight: 100, workers: 2 },
      },
      'task-3': { coro: 'tasks.sink', args: { fn: 'run' } },
    },
    graph: { numbers: ['scaled'], scaled: [{ to: 'task-3', queueSize: 100 }], 'task-3': null },
  })
})

test('a module may be called "tasks" too', () => {
  const work = portable({ load: () => [] }, 'file:///somewhere/tasks.js')
  const { graph } = tasks([{ run: work.load }, { run: keeping().run }], { parallelism: 'coroutine' }).toBlueprint()
  expect(graph.nodes.load).toMatchObject({ coro: 'tasks.source', args: { fn: 'tasks-2.load' } })
})

test('what is made of it runs like any other graph', async () => {
  const { values, run } = keeping<number>()
  const { graph, ...options } = tasks([{ run: numbers, constants: { count: 2 } }, { run }]).toBlueprint()
  await new Plumber(graph, options).run()
  expect(values).toEqual([0, 1])
})

test('with "validate" each item is checked against the schemas of its tasks', async () => {
  const input = { type: 'integer', maximum: 2 }
  const list = tasks([
    { run: numbers, constants: { count: 5 } },
    { run: keeping<number>().run, input },
  ])
  expect((await list.execute()).outcome).toBe('completed')
  const error = await failureOf(() => list.execute({ validate: true }))
  expect(error.details).toMatchObject({ node: 'task-2' })
  expect(error.message).toContain('must be an integer ≤ 2, got 3')
})
