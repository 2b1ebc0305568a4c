import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, defineCoro, PipelineError } from '@pipelines/core'
import type { GraphDocument } from '@pipelines/plumber'
import { type ExploreOptions, explore, noLeaks, StalledError } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'

/** `numbers` into `work`, which has so many workers. */
const line = (workers: number, properties: object = {}): GraphDocument => ({
  nodes: { numbers: { coro: 'std.inlet' }, work: { coro: 'work', properties: { workers, ...properties } } },
  graph: { numbers: ['work'] },
})
const double = (n: number) => 2 * n

/** What an exploration fails with. */
async function failureOf(document: GraphDocument, options: ExploreOptions): Promise<Error> {
  try {
    await explore(document, options)
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('It should have failed.')
}

/** Adds to a counter that another call may have read meanwhile. */
const racing = (counter: { count: number }) => async () => {
  const { count } = counter
  await sleep(1)
  counter.count = count + 1
}

/** A counter of its own for every run; all four calls must be counted. */
const countingFour: ExploreOptions = {
  setup: () => {
    const counter = { count: 0 }
    return { coroMap: { work: racing(counter) }, check: () => expect(counter.count).toBe(4) }
  },
  input: [1, 2, 3, 4],
}

test('a graph that is right is right in every order', async () => {
  const seen = new Set<number>()
  const explored = await explore(line(3), {
    coroMap: { work: double },
    input: [1, 2, 3],
    check: ({ values, outputs, report, seed }) => {
      seen.add(seed)
      expect(values).toEqual([2, 4, 6])
      expect(outputs[0]).toMatchObject({ node: 'work', port: 'out', value: 2 })
      expect(report.nodes.work?.completed).toBe(3)
    },
  })
  expect(seen.size).toBe(100)
  expect(explored).toMatchObject({ runs: 100, complete: false })
  expect(explored.schedules).toBeGreaterThan(3)
})

test('calls overtake each other within the workers that there are, and no further', async () => {
  const orders = async (workers: number) => {
    const seen = new Set<string>()
    const check: ExploreOptions['check'] = ({ values }) => void seen.add(values.join(' '))
    const { runs, schedules, complete } = await explore(line(workers, { ordered: false }), {
      coroMap: { work: double },
      input: [1, 2, 3],
      schedules: 'all',
      check,
    })
    expect(runs).toBe(schedules)
    return { seen: seen.size, schedules, complete }
  }
  expect(await orders(1)).toEqual({ seen: 1, schedules: 1, complete: true })
  expect(await orders(2)).toEqual({ seen: 4, schedules: 4, complete: true })
  expect(await orders(3)).toEqual({ seen: 6, schedules: 6, complete: true })
})

describe('a counter that two calls change at once', () => {
  test('is found, and the message says how to see it again', async () => {
    const failure = await failureOf(line(2), countingFour)
    expect(failure.message).toMatch(/^With seed \d+: expected 3 to be 4(?:.|\n)*\nReplay it with seeds: \[\d+\]\./)
    expect(failure.message).toMatch(/What went on, in this order: .*work #0/)
    const seed = Number(/seeds: \[(\d+)\]/.exec(failure.message)?.[1])
    const again = await failureOf(line(2), { ...countingFour, seeds: [seed] })
    expect(again.message).toBe(failure.message)
  })

  test('is found by trying every schedule, and replayed by its schedule', async () => {
    const failure = await failureOf(line(2), { ...countingFour, schedules: 'all' })
    const schedule = JSON.parse(/schedule: (\[.*\])/.exec(failure.message)?.[1] ?? '')
    const again = await failureOf(line(2), { ...countingFour, schedule })
    expect(again.message).toBe(failure.message)
  })

  test('is not there with one worker', async () => {
    expect(await explore(line(1), { ...countingFour, schedules: 'all' })).toMatchObject({ complete: true })
  })
})

test('calls that wait for each other in vain are a stall that names them', async () => {
  const meeting = () => {
    let arrived = 0
    let open = (): void => {}
    const all = new Promise<void>((resolve) => {
      open = resolve
    })
    return {
      coroMap: {
        work: async () => {
          if (++arrived === 2) open()
          await all
        },
      },
    }
  }
  const options: ExploreOptions = { setup: meeting, input: [1, 2], seeds: 20 }
  expect(await explore(line(2), options)).toMatchObject({ runs: 20 })
  const failure = await failureOf(line(1), options)
  expect(failure.cause).toBeInstanceOf(StalledError)
  expect(failure.cause).toMatchObject({ inProgress: ['work #0'] })
  expect(failure.message).toContain('"numbers" to "work" 1 of 64')
})

test('nothing of a run that failed is left', async () => {
  const { setTimeout: before } = globalThis
  const stuck = () => new Promise<void>(() => {})
  await noLeaks(() => failureOf(line(1), { coroMap: { work: stuck }, input: [1, 2], deadlineMs: 60_000, seeds: [3] }))
  expect(setTimeout).toBe(before)
})

describe('a run that fails', () => {
  const options: ExploreOptions = {
    coroMap: {
      work: () => {
        throw new Error('broken')
      },
    },
    input: [1],
    seeds: 3,
  }

  test('fails the exploration with the error of the run', async () => {
    const { cause } = await failureOf(line(1), options)
    expect(cause).toBeInstanceOf(PipelineError)
    expect(cause).toMatchObject({ code: 'PLB_NODE_FAILED', report: { outcome: 'failed' } })
  })

  test('is what is asked for, where it is among the outcomes', async () => {
    let failed = 0
    await explore(line(1), {
      ...options,
      outcomes: ['failed'],
      check: ({ report }) => {
        failed += report.errors.length
      },
    })
    expect(failed).toBe(3)
    expect(
      (await failureOf(line(1), { coroMap: { work: double }, input: [1], outcomes: ['failed'] })).message,
    ).toContain('The run ended as "completed"')
  })
})

test('a timer that a coroutine leaves behind is found', async () => {
  const forgetful = (n: number) => {
    setTimeout(() => {}, 60_000)
    return n
  }
  const failure = await failureOf(line(1), { coroMap: { work: forgetful }, input: [1], seeds: 50 })
  expect(failure.message).toMatch(/Left behind: a pending timer of 60000 ms, made at .*explore\.test\.ts/)
})

describe('time', () => {
  const timeouts: GraphDocument = line(1)
  const slow = async (n: number, { signal }: Context) => sleep(10_000, n, { signal })

  test('passes only when nothing else is to come, or when the seed says so', async () => {
    const outcomes = new Set<string>()
    const started = performance.now()
    await explore(timeouts, {
      coroMap: { work: slow },
      input: [1, 2],
      deadlineMs: 15_000,
      outcomes: ['completed', 'doomed'],
      seeds: 5,
      check: ({ report }) => {
        outcomes.add(report.outcome)
        expect(report.durationMs).toBe(15_000)
      },
    })
    expect([...outcomes]).toEqual(['doomed'])
    expect(performance.now() - started).toBeLessThan(5_000)
  })

  test('lets a timeout and a result come in either order', async () => {
    const outcomes = new Set<string>()
    await explore(timeouts, {
      coroMap: { work: double },
      input: [1, 2],
      deadlineMs: 15_000,
      outcomes: ['completed', 'doomed'],
      schedules: 'all',
      check: ({ report }) => void outcomes.add(report.outcome),
    })
    expect([...outcomes].toSorted()).toEqual(['completed', 'doomed'])
  })
})

test('a run may be interfered with at any moment', async () => {
  const completed = new Set<number>()
  const { complete } = await explore(line(1), {
    coroMap: { work: double },
    input: [1, 2, 3],
    outcomes: ['completed', 'doomed'],
    schedules: 'all',
    inject: async ({ pipeline, moment }) => {
      await moment('doomsday')
      void pipeline.doomsday('enough')
    },
    check: ({ report }) => {
      completed.add(report.nodes.work?.completed ?? -1)
      expect(report.abandoned, 'calls that are let go when the node is told to stop').toEqual([])
    },
  })
  expect(complete).toBe(true)
  expect([...completed].toSorted()).toEqual([0, 1, 2, 3])
})

test('generators, sources and stream coroutines take part', async () => {
  const sums = defineCoro({
    kind: 'stream',
    run: async function* (inputs: AsyncIterable<number>) {
      let sum = 0
      for await (const n of inputs) {
        sum += n
        yield sum
      }
    },
  })
  const document: GraphDocument = {
    nodes: {
      source: { coro: () => [1, 2] },
      twice: {
        coro: function* (n: number) {
          yield n
          yield n
        },
      },
      sums: { coro: sums },
    },
    graph: { source: ['twice'], twice: ['sums'] },
  }
  const labels = new Set<string>()
  await explore(document, {
    check: ({ values }) => {
      labels.add(values.join(' '))
    },
  })
  expect([...labels]).toEqual(['1 2 4 6'])
})

test('whatever executor a node names, it runs here', async () => {
  const elsewhere = { name: 'elsewhere', open: () => expect.unreachable() }
  const options: ExploreOptions = { coroMap: { work: double }, executors: [elsewhere], input: [1], seeds: 3 }
  expect(await explore(line(1, { executor: 'elsewhere' }), options)).toMatchObject({ runs: 3 })
})

describe('what cannot be explored is refused:', () => {
  test('a graph that is wrong', async () => {
    const failure = await failureOf(line(1), { coroMap: {}, input: [] })
    expect(failure).toMatchObject({ code: 'PLB_GRAPH_INVALID' })
  })

  test('an input that does not fit', async () => {
    const failure = await failureOf(line(1), { coroMap: { work: double } })
    expect(failure).toMatchObject({ code: 'PLB_OPTION_INVALID' })
  })

  test('seeds and schedules at once', async () => {
    await expect(explore(line(1), { seeds: 3, schedules: 'all' })).rejects.toThrow('not both')
  })
})

test('calls that get into each other between two microtasks are found by seeds', async () => {
  const setup = () => {
    let total = 0
    const add = async (n: number) => {
      const before = total
      await undefined
      total = before + n
      return total
    }
    return { coroMap: { add } }
  }
  const document = {
    nodes: { in: { coro: 'std.inlet' }, add: { coro: 'add', properties: { workers: 2 } } },
    graph: { in: ['add'] },
  }
  const check = ({ values }: { readonly values: readonly unknown[] }) => expect(values.at(-1)).toBe(6)
  await expect(explore(document, { setup, input: [1, 2, 3], seeds: 50, check })).rejects.toThrow(/seeds: \[\d+\]/)
})

test.each([
  ['no seeds', { seeds: 0 }],
  ['an empty list of seeds', { seeds: [] }],
  ['a word for seeds', { seeds: 'all' }],
  ['another word than "all" for schedules', { schedules: 'every' }],
])('%s are refused', async (_what, options) => {
  const document = { nodes: { a: { coro: () => [1] } }, graph: {} }
  await expect(explore(document, options as never)).rejects.toThrow(TypeError)
})
