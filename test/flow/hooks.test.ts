import type { Context } from '@pipelines/core'
import { type Flow, flow, type WorkerStatus } from '@pipelines/flow'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { aborted } from '../support/blackbox.js'
import { byPlumber, Endless, first } from './flow-support.js'

interface Hooks {
  readonly onStart: () => string
  readonly onDone: (_: Context, status: WorkerStatus) => unknown
}

/** Hooks that write down when they are called. */
function noted(): { readonly seen: unknown[]; readonly hooks: Hooks } {
  const seen: unknown[] = []
  const hooks: Hooks = {
    onStart: () => {
      seen.push('start')
      return 'state'
    },
    onDone: (_, { done, reason }) => seen.push({ done, reason: reason === undefined ? 'none' : 'some' }),
  }
  return { seen, hooks }
}

const well = { done: true, reason: 'none' }
const badly = { done: false, reason: 'some' }
type Fn = (n: number, context: Context<string>) => unknown

/** Each kind of stage that calls a function. */
const kinds: Readonly<Record<string, (fn: Fn, hooks: Hooks) => Flow<unknown>>> = {
  map: (fn, hooks) => flow([1, 2]).map(fn, hooks),
  filter: (fn, hooks) => flow([1, 2]).filter(fn, hooks),
  flatMap: (fn, hooks) => flow([1, 2]).flatMap((n, context: Context<string>) => [fn(n, context)], hooks),
  each: (fn, hooks) => flow([1, 2]).each(fn, hooks),
  tee: (fn, hooks) => flow([1, 2]).tee(fn, hooks),
}

describe.each(Object.entries(kinds))('%s', (_, make) => {
  test('begins and ends with its hooks, once each', async () => {
    const { seen, hooks } = noted()
    await make(() => seen.push('call'), hooks).run()
    expect(seen).toEqual(['start', 'call', 'call', well])
  })

  test('has what onStart gives as its state', async () => {
    const { seen, hooks } = noted()
    await make((n, { state }) => seen.push([n, state]), hooks).run()
    expect(seen).toEqual(['start', [1, 'state'], [2, 'state'], well])
  })

  test('tells onDone why it ended where that was an error', async () => {
    const { seen, hooks } = noted()
    const failing = make(() => {
      throw new RangeError('no')
    }, hooks)
    await expect(failing.run()).rejects.toMatchObject({ cause: { name: 'RangeError' } })
    expect(seen).toEqual(['start', badly])
  })
})

describe('hooks', () => {
  test('see the state, the worker and the node', async () => {
    const seen: unknown[] = []
    const described = flow([1, 2]).map((n, { state }) => n + state.more, {
      name: 'adder',
      onStart: ({ worker, node }: Context) => ({ more: 10, from: `${node} ${worker.index} of ${worker.count}` }),
      onDone: ({ state }, status) => seen.push(state.from, status),
    })
    expect(await described.toArray()).toEqual([11, 12])
    expect(seen).toEqual(['adder 0 of 1', { done: true, activeWorkers: 0, reason: undefined }])
  })

  test('may promise: the first item waits for onStart, the end for onDone', async () => {
    const seen: string[] = []
    const [opened, closed] = [gate(), gate()]
    const run = flow([1])
      .tee(() => seen.push('call'), {
        onStart: () => opened.opened.then(() => seen.push('started')),
        onDone: () => closed.opened.then(() => seen.push('done')),
      })
      .run()
      .then(() => seen.push('settled'))
    opened.open()
    closed.open()
    await run
    expect(seen).toEqual(['started', 'call', 'done', 'settled'])
  })

  test('are called once per worker, and onDone knows how many go on', async () => {
    const [starts, ends]: [number[], number[]] = [[], []]
    const all = gate()
    const described = flow([1, 2, 3]).map(() => all.opened, {
      workers: 3,
      onStart: ({ worker }) => {
        if (starts.push(worker.index) === 3) all.open()
      },
      onDone: (_, { activeWorkers }) => ends.push(activeWorkers),
    })
    await described.run()
    expect(starts.toSorted()).toEqual([0, 1, 2])
    expect(ends).toEqual([2, 1, 0])
  })

  test('have states of their own, one for each worker', async () => {
    const all = gate()
    const states = new Set<unknown>()
    const described = flow([1, 2]).each(
      async (n, { state }) => {
        states.add(state)
        if (n === 2) all.open()
        await all.opened
      },
      { workers: 2, onStart: () => ({}) },
    )
    await described.run()
    expect(states.size).toBe(2)
  })

  test('end a stage that is left early, well', async () => {
    const { seen, hooks } = noted()
    await first(
      2,
      flow(new Endless()).map((n) => n, hooks),
    )
    expect(seen).toEqual(['start', well])
  })

  test('end a stage that is doomed, with the reason', async () => {
    const { seen, hooks } = noted()
    const stop = new AbortController()
    const run = flow([1])
      .map((_, { signal }) => {
        stop.abort()
        return aborted(signal)
      }, hooks)
      .run(undefined, { signal: stop.signal })
    await expect(run).rejects.toMatchObject({ name: 'AbortError' })
    expect(seen).toEqual(['start', badly])
  })

  test('end a stage whose source fails', async () => {
    const { seen, hooks } = noted()
    function* failing(): Generator<number> {
      yield 1
      throw new RangeError('no')
    }
    await expect(
      flow(failing())
        .map((n) => n, hooks)
        .run(),
    ).rejects.toThrow('no')
    expect(seen.at(-1)).toEqual(badly)
  })

  test('begin anew with each run', async () => {
    const { seen, hooks } = noted()
    const described = flow([1]).map((n) => n, hooks)
    await described.run()
    await described.run()
    expect(seen).toEqual(['start', well, 'start', well])
  })

  test('that fail end the run with their error', async () => {
    const fail = (): never => {
      throw new RangeError('hook')
    }
    const cause = { name: 'RangeError', message: 'hook' }
    await expect(
      flow([1])
        .map((n) => n, { onStart: fail })
        .run(),
    ).rejects.toMatchObject({ cause })
    await expect(
      flow([1])
        .map((n) => n, { onDone: fail })
        .run(),
    ).rejects.toMatchObject({ cause })
  })

  test('may be one of the two', async () => {
    expect(
      await flow([1])
        .map((n, { state }) => n + state, { onStart: () => 4 })
        .toArray(),
    ).toEqual([5])
    const seen: unknown[] = []
    expect(
      await flow([1])
        .map((n) => n + 1, { onDone: () => seen.push('done') })
        .toArray(),
    ).toEqual([2])
    expect(seen).toEqual(['done'])
  })

  test('change nothing of what a map may give and get', async () => {
    const hooks = { onStart: () => 1 }
    const twice = flow([1, 2]).map(function* (n) { yield n; yield n }, hooks) // biome-ignore format: short
    expect(await byPlumber(twice)).toEqual([1, 1, 2, 2])
    expect(
      await flow([1, 2, 3])
        .map(([a = 0, b = 0]) => a + b, { ...hooks, stateful: 2 })
        .toArray(),
    ).toEqual([3, 5])
    expect(
      await flow([1, 2])
        .map((ns) => ns.map(String), { ...hooks, batch: { size: 2 } })
        .toArray(),
    ).toEqual(['1', '2'])
  })
})
