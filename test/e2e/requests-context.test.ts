import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, DROP, defineCoro } from '@pipelines/core'
import { gate, randomOf, Scheduler } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  aborted,
  chain,
  failureOf,
  having,
  outputs,
  type Pipeline,
  plumberOf,
  range,
  type Stage,
  same,
  turns,
  unfused,
} from '../support/blackbox.js'
import {
  ask,
  expectAsNew,
  expectCancelled,
  expectNothingInside,
  soon,
  windowed,
  withTime,
} from '../support/requests.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'

/*
 * Whose call is it? Coroutines run in the async context of the request that brought their item (S30a), on a graph that
 * many requests share; and a request that is cancelled is cancelled down to the functions (S29).
 */

const user = new AsyncLocalStorage<number>()

/** A request in the name of the user of that number. */
const askAs = <T>(pipeline: Pipeline, n: number, options = {}): Promise<T> =>
  user.run(n, () => pipeline.process<T>(n, options))

/** Calls that ran in somebody else's context. */
class Watch {
  readonly wrong: string[] = []
  calls = 0

  /** Notes where a call is, if it is not in the context of `n`. */
  at(where: string, n: unknown): void {
    this.calls++
    const store = user.getStore()
    if (store !== [n].flat(9)[0]) this.wrong.push(`${where}: ${String(n)} as ${store}`)
  }

  /** A coroutine that looks, waits, and looks again. */
  readonly both =
    (where: string, wait: (n: number) => unknown = () => turns(1)) =>
    async (n: number): Promise<number> => {
      this.at(where, n)
      await wait(n)
      this.at(`${where}, later`, n)
      return n
    }

  /** A coroutine that only looks. */
  readonly now =
    (where: string) =>
    <T>(n: T): T => {
      this.at(where, n)
      return n
    }
}

/** Makes requests of many users at once, each with its answer. */
async function expectKeptApart(make: (watch: Watch) => Pipeline, answer: (n: number) => unknown = same): Promise<void> {
  const watch = new Watch()
  const pipeline = user.run(-1, () => make(watch))
  const users = range(24)
  const answers = await Promise.all(users.map((n) => askAs(pipeline, n)))
  expect(answers).toEqual(users.map(answer))
  expect(user.getStore()).toBeUndefined()
  expect(watch.wrong).toEqual([])
  expect(watch.calls).toBeGreaterThan(0)
  await pipeline.drain()
}

const first = ([n]: readonly unknown[]): unknown => n
const region = { in: ['a', 'b'], a: ['join'], b: ['join'] }

describe('requests on one warm graph never see each other’s context', () => {
  test.each<[string, (watch: Watch) => Pipeline]>([
    [
      'in a shared call chain',
      ({ now }) => chain({ in: 'std.inlet', a: now('a'), b: now('b'), c: now('c') }).createPipeline(),
    ],
    [
      'in a shared call chain that waits',
      ({ now, both }) => chain({ in: 'std.inlet', a: now('a'), b: both('b'), c: now('c') }).createPipeline(),
    ],
    [
      'through queues that are full',
      ({ now, both }) =>
        chain({
          in: unfused('std.inlet'),
          a: unfused(now('a'), { queueSize: 1 }),
          b: unfused(both('b'), { queueSize: 1 }),
          c: unfused(now('c'), { queueSize: 1 }),
        }).createPipeline(),
    ],
    [
      'through workers in order',
      ({ now, both }) =>
        chain({
          in: 'std.inlet',
          a: unfused(
            both('a', (n) => turns(1 + ((7 * n) % 5))),
            { workers: 5 },
          ),
          b: now('b'),
        }).createPipeline(),
    ],
    [
      'through workers that overtake',
      ({ now, both }) =>
        chain({
          in: 'std.inlet',
          a: unfused(
            both('a', (n) => turns(1 + ((7 * n) % 5))),
            { workers: 5, ordered: false },
          ),
          b: unfused(now('b')),
        }).createPipeline(),
    ],
    [
      'through a join',
      ({ now, both }) =>
        plumberOf({ in: 'std.inlet', a: both('a'), b: now('b'), join: watched(now('join')) }, region).createPipeline(),
    ],
    [
      'through a join that waits for credits and for its worker',
      ({ now, both }) =>
        windowed(
          2,
          {
            in: 'std.inlet',
            a: unfused(both('a'), { workers: 2, queueSize: 1 }),
            b: unfused(now('b'), { queueSize: 1 }),
            join: unfused(watched(both('join'))),
          },
          region,
        ).createPipeline(),
    ],
    [
      'through a product',
      ({ now }) => {
        const twice = (n: number) => [n, n].values()
        let count = 0
        const join = (pair: number[]) => {
          now('join')(pair[0])
          return ++count % 4 === 0 ? pair[0] : DROP
        }
        const nodes = { in: 'std.inlet', a: twice, b: twice, join: having({ collect: 'product' }, join) }
        return plumberOf(nodes, region).createPipeline()
      },
    ],
    [
      'through batches of one',
      ({ now }) =>
        chain({
          in: 'std.inlet',
          a: having({ batch: { size: 1 } }, now('a')),
          b: now('b'),
        }).createPipeline(),
    ],
    [
      'behind batches of many',
      ({ now, both }) =>
        chain({
          in: 'std.inlet',
          a: both('a'),
          batch: having({ batch: { size: 4 } }, (list: number[]) => turns(1).then(() => list)),
          b: now('b'),
          c: both('c'),
        }).createPipeline(),
    ],
    [
      'in generators',
      (watch) =>
        chain({
          in: 'std.inlet',
          a: unfused(
            async function* (n: number) {
              watch.at('generator', n)
              yield DROP
              watch.at('generator, later', n)
              await turns(1)
              watch.at('generator, after a while', n)
              yield n
              watch.at('generator, at its end', n)
            },
            { workers: 3, ordered: false },
          ),
          b: unfused(watch.now('b'), { queueSize: 1 }),
        }).createPipeline(),
    ],
    [
      'in generators that are not asynchronous, and wait for room',
      (watch) =>
        chain({
          in: 'std.inlet',
          a: unfused(function* (n: number) {
            for (const part of range(4)) {
              watch.at(`part ${part}`, n)
              yield part === 0 ? n : [n]
            }
            watch.at('the end', n)
          }),
          b: unfused((n: unknown) => (Array.isArray(n) ? DROP : n), { queueSize: 1 }),
          c: watch.now('c'),
        }).createPipeline(),
    ],
    [
      'in partitions, and where keys are looked up',
      ({ both, now }) =>
        plumberOf(
          { in: 'std.inlet', a: { coro: 'a', properties: { partitionBy: 'key', workers: 4, ordered: false } } },
          { in: ['a'] },
          { coroMap: { a: both('a'), key: (n: number) => now('key')(n) % 3 } },
        ).createPipeline(),
    ],
    [
      'in lock step',
      ({ both, now }) =>
        chain({
          in: 'std.inlet',
          a: unfused(now('a'), { packetsInFlight: 1 }),
          b: unfused(both('b')),
        }).createPipeline(),
    ],
    [
      'on a dead-letter branch',
      ({ now }) =>
        plumberOf(
          {
            in: 'std.inlet',
            a: having({ onError: 'route' }, (n: number) => {
              now('a')(n)
              if (n % 2 === 1) throw new Error('odd')
              return n
            }),
            letter: ({ input }: { input: number }) => now('letter')(input),
            merge: having({ aggregateInputs: false }, now('merge')),
          },
          { in: ['a'], a: ['merge', { to: 'letter', port: 'error' }], letter: ['merge'] },
        ).createPipeline(),
    ],
    [
      'in what timers, ticks and turns of the event loop bring about',
      (watch) => {
        const wait = (n: number) =>
          new Promise<void>((resolve) => {
            queueMicrotask(() => {
              watch.at('a microtask', n)
              setImmediate(() => {
                watch.at('a turn', n)
                process.nextTick(() => {
                  watch.at('a tick', n)
                  setTimeout(() => {
                    watch.at('a timer', n)
                    resolve()
                  }, 1)
                })
              })
            })
          })
        return chain({
          in: 'std.inlet',
          a: unfused(watch.both('a', wait), { workers: 6 }),
          b: watch.now('b'),
        }).createPipeline()
      },
    ],
  ])('%s', async (_where, make) => {
    await expectKeptApart(make)
  })

  test('between attempts, and while they wait for the rate', () =>
    withTime(async ({ flow }) => {
      const watch = new Watch()
      const flaky = async (n: number, { attempt }: Context) => {
        watch.at(`attempt ${attempt}`, n)
        await sleep(10)
        watch.at(`attempt ${attempt}, later`, n)
        if (attempt <= n % 3) throw new Error('not yet')
        return n
      }
      const retry = { attempts: 3, minDelayMs: 50 }
      const rateLimit = { count: 2, perMs: 30 }
      const pipeline = chain({
        in: 'std.inlet',
        flaky: unfused(flaky, { retry, workers: 3, ordered: false }),
        rated: unfused(watch.now('rated'), { rateLimit }),
      }).createPipeline()
      expect(await flow(Promise.all(range(12).map((n) => askAs(pipeline, n))))).toEqual(range(12))
      expect(watch.wrong).toEqual([])
      expect(watch.calls).toBe(4 * (1 + 2 + 3) * 2 + 12)
      await pipeline.drain()
    }))

  test('a batch that waits for time runs in the context of one of its own', () =>
    withTime(async ({ pass }) => {
      const seen: unknown[] = []
      const all = (list: number[]) => {
        seen.push([list.includes(user.getStore() ?? -1), ...list])
        return list
      }
      const batch = having({ batch: { size: 3, maxWaitMs: 100 } }, all)
      const pipeline = user.run(-1, () => chain({ in: 'std.inlet', batch }).createPipeline())
      const alone = askAs(pipeline, 1)
      await pass(100)
      expect(await alone).toBe(1)
      expect(seen).toEqual([[true, 1]])
      await pipeline.drain()
    }))

  test('a call that works for several of them together runs in the context of none, and with the env of the pipeline', async () => {
    const seen: unknown[] = []
    const all = (list: number[], { env }: Context) => {
      seen.push([list, list.includes(user.getStore() ?? -1), env['name']])
      return list
    }
    const nodes = { in: 'std.inlet', batch: unfused(all, { batch: { size: 3 } }) }
    const pipeline = chain(nodes, { env: { name: 'ours' } }).createPipeline()
    await Promise.all([1, 2, 3].map((n) => askAs(pipeline, n, { env: { name: n } })))
    expect(seen).toEqual([[[1, 2, 3], false, 'ours']])
    await pipeline.drain()
  })

  test('nor those of puts between them', async () => {
    const watch = new Watch()
    const seen = outputs()
    const nodes = { in: 'std.inlet', a: unfused(watch.both('a'), { workers: 3 }), b: watch.now('b') }
    const pipeline = chain(nodes).createPipeline(seen.options)
    const answers = range(20).map((n) => (n % 2 === 0 ? askAs(pipeline, n) : user.run(n, () => pipeline.put(n))))
    expect(await Promise.all(answers)).toEqual(range(20).map((n) => (n % 2 === 0 ? n : undefined)))
    await soon(() => seen.values.length === 10)
    expect(watch.wrong).toEqual([])
    await pipeline.drain()
  })

  test('nor does one that has none see that of another', async () => {
    const note = (n: number) => [n, user.getStore()]
    const wait = async <T>(value: T) => {
      await turns(1)
      return value
    }
    const pipeline = user.run(-1, () =>
      chain({ in: 'std.inlet', wait: unfused(wait, { workers: 2 }), note: unfused(note) }).createPipeline(),
    )
    const answers = range(10).map((n) => (n % 2 === 0 ? askAs(pipeline, n) : pipeline.process(n)))
    expect(await Promise.all(answers)).toEqual(range(10).map((n) => [n, n % 2 === 0 ? n : undefined]))
    await pipeline.drain()
  })

  test('after the one before in the same worker was cancelled', async () => {
    const watch = new Watch()
    const open = gate()
    const wait = watch.both('wait', (n) => (n < 3 ? open.opened : undefined))
    const pipeline = chain({ in: 'std.inlet', wait: unfused(wait), out: watch.now('out') }).createPipeline()
    const victims = range(3).map((n) => user.run(n, () => ask(pipeline, n)))
    await turns()
    const others = [10, 11].map((n) => askAs(pipeline, n))
    for (const victim of victims) {
      user.run(99, () => victim.cancel('gone'))
      await expectCancelled(victim, 'gone')
    }
    user.run(98, () => open.open())
    expect(await Promise.all(others)).toEqual([10, 11])
    expect(watch.wrong).toEqual([])
    await pipeline.drain()
  })

  test('nor do those that were let in by the end of another', async () => {
    const watch = new Watch()
    const nodes = { in: 'std.inlet', a: unfused(watch.both('a'), { workers: 9 }), b: watch.now('b') }
    const pipeline = chain(nodes).createPipeline({ maxInFlight: 2, overload: 'wait' })
    expect(await Promise.all(range(12).map((n) => askAs(pipeline, n)))).toEqual(range(12))
    expect(watch.wrong).toEqual([])
    await pipeline.drain()
  })

  test('their callers go on in their own', async () => {
    const pipeline = chain({ in: 'std.inlet', a: unfused(same, { workers: 2 }), out: same }).createPipeline()
    const call = async (n: number) => {
      await pipeline.process(n)
      return user.getStore()
    }
    expect(await Promise.all(range(8).map((n) => user.run(n, () => call(n))))).toEqual(range(8))
    await pipeline.drain()
  })
})

/** A join that looks at the first of its tuple. */
const watched =
  (coro: (n: number) => unknown) =>
  (pair: readonly number[]): unknown =>
    coro(Number(first(pair)))

describe('random requests', manySeeds, () => {
  const seeds = seedsOf(25, 250)

  /** A graph with branches, generators, workers and joins, all of which wait at the scheduler. */
  function busyGraph(scheduler: Scheduler, watch: Watch, fuse: boolean): Pipeline {
    const step =
      (name: string) =>
      async (value: unknown): Promise<unknown> => {
        watch.at(name, value)
        await scheduler.step(`${name} ${JSON.stringify(value)}`)
        watch.at(`${name}, later`, value)
        return value
      }
    const parts = async function* (n: number) {
      watch.at('parts', n)
      yield DROP
      await scheduler.step(`parts ${n}`)
      watch.at('parts, later', n)
      yield n
    }
    const node = (coro: Stage, properties = {}): Stage => having({ fuse, ...properties }, coro)
    return windowed(
      3,
      {
        in: node('std.inlet'),
        a: node(step('a'), { workers: 3, ordered: false }),
        b: node(parts, { workers: 2 }),
        c: node(watch.now('c'), { queueSize: 1 }),
        d: node(step('d'), { queueSize: 1 }),
        inner: node(step('inner'), { workers: 2 }),
        join: node(step('join')),
        out: node(watch.now('out')),
      },
      {
        in: ['a', 'b'],
        a: ['c', 'd'],
        c: ['inner'],
        d: ['inner'],
        inner: ['join'],
        b: ['join'],
        join: ['out'],
      },
    ).createPipeline()
  }

  test('stay in their contexts, and with their values, in any order of events, cancelled or not', async () => {
    let cut = 0
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const scheduler = new Scheduler(seed)
        const restore = scheduler.install()
        try {
          const random = randomOf(seed)
          const watch = new Watch()
          const pipeline = busyGraph(scheduler, watch, seed % 2 === 0)
          const requests = range(15).map((n) => user.run(n, () => ask(pipeline, n)))
          const all = Promise.allSettled(requests.map(({ answer }) => answer))
          for (const victim of random.shuffle(requests).slice(0, 5)) {
            if (await scheduler.drive(all, { releases: random.integer(0, 20) })) break
            victim.cancel('gone')
          }
          await scheduler.drive(all)
          for (const [n, one] of (await all).entries())
            if (one.status === 'fulfilled') expect(one.value).toEqual([[n, n], n])
            else expect(one.reason).toMatchObject({ code: 'PLB_RUN_CANCELLED', cause: 'gone' })
          cut += (await all).filter(({ status }) => status === 'rejected').length
          await scheduler.releaseAll()
          expect(watch.wrong).toEqual([])
          expectNothingInside(pipeline)
          pipeline.end()
          await scheduler.drive(pipeline.settled)
        } finally {
          restore()
        }
      })
    if (process.env['SEED'] === undefined) expect(cut).toBeGreaterThan(seeds.length)
  })
})

/*
 * What people complain of who wait for the answers of graphs of model calls: the client has gone, and the model goes on for
 * minutes, because the cancellation ends at the graph and never gets to the function that makes the call.
 */
describe('"I cancel the request, and the node goes on calling the model."', () => {
  /** Something slow that takes a signal, as `fetch` does. */
  function model() {
    const open = new Set<string>()
    const told: [string, unknown][] = []
    const call = async (prompt: string, { signal }: { readonly signal: AbortSignal }) => {
      open.add(prompt)
      try {
        await aborted(signal)
      } catch (reason) {
        told.push([prompt, reason])
        throw reason
      } finally {
        open.delete(prompt)
      }
    }
    return { open, told, call }
  }

  const REASON = new Error('the client has gone')

  test.each<[string, (ask: (prompt: string, ctx: Context) => unknown) => Pipeline, readonly string[]]>([
    ['in a node', (call) => chain({ in: 'std.inlet', writer: call }).createPipeline(), ['hello']],
    [
      'behind others',
      (call) => chain({ in: 'std.inlet', plan: same, tool: same, writer: call, out: same }).createPipeline(),
      ['hello'],
    ],
    [
      'in all branches at once',
      (call) =>
        plumberOf(
          {
            in: 'std.inlet',
            a: (text: string, ctx: Context) => call(`${text} a`, ctx),
            b: (text: string, ctx: Context) => call(`${text} b`, ctx),
            c: (text: string, ctx: Context) => call(`${text} c`, ctx),
            join: same,
          },
          { in: ['a', 'b', 'c'], a: ['join'], b: ['join'], c: ['join'] },
        ).createPipeline(),
      ['hello a', 'hello b', 'hello c'],
    ],
    [
      'for several items of one request',
      (call) =>
        chain({
          in: 'std.inlet',
          split: (text: string) => [1, 2, 3].map((n) => `${text} ${n}`).values(),
          writer: unfused(call, { workers: 2 }),
        }).createPipeline(),
      ['hello 1', 'hello 2'],
    ],
    [
      'in a generator',
      (call) =>
        chain({
          in: 'std.inlet',
          writer: async function* (text: string, ctx: Context) {
            yield 'thinking'
            yield await call(text, ctx)
          },
          out: same,
        }).createPipeline(),
      ['hello'],
    ],
    [
      'in a batch of one request',
      (call) =>
        chain({
          in: 'std.inlet',
          writer: having({ batch: { size: 4 } }, async (list: string[], ctx: Context) => [
            await call(list.join(), ctx),
          ]),
        }).createPipeline(),
      ['hello'],
    ],
    [
      'in a later attempt',
      (call) =>
        chain({
          in: 'std.inlet',
          writer: having({ retry: { attempts: 3, minDelayMs: 0 } }, (text: string, ctx: Context) => {
            if (ctx.attempt === 1) throw new Error('not yet')
            return call(text, ctx)
          }),
        }).createPipeline(),
      ['hello'],
    ],
    [
      'with a timeout of its own',
      (call) => chain({ in: 'std.inlet', writer: having({ timeoutMs: 60_000 }, call) }).createPipeline(),
      ['hello'],
    ],
  ])('here it reaches the function: %s', (_where, make, prompts) =>
    withTime(async ({ clock, flow }) => {
      const { open, told, call } = model()
      const asking = (prompt: string, ctx: Context): unknown =>
        prompt.startsWith('hello') ? call(prompt, ctx) : prompt
      const pipeline = make(asking)
      const request = ask(pipeline, 'hello')
      while (open.size < prompts.length) {
        await turns(5)
        if (open.size < prompts.length) clock.advance()
      }
      request.cancel(REASON)
      await expectCancelled(request, REASON)
      await turns()
      // In any order.
      expect(told.toSorted()).toEqual(prompts.map((prompt) => [prompt, REASON]))
      expect([...open]).toEqual([])
      expect(await flow(pipeline.processAll('bye'))).not.toEqual([])
      await flow(pipeline.drain())
    }),
  )

  test('here a deadline of the request reaches it too', () =>
    withTime(async ({ pass }) => {
      const { told, call } = model()
      const pipeline = chain({ in: 'std.inlet', writer: call }).createPipeline()
      const asked = failureOf(() => pipeline.process('hello', { timeoutMs: 1_000 }))
      await pass(1_000)
      expect((await asked).code).toBe('PLB_RUN_DEADLINE')
      await turns()
      expect(told).toMatchObject([['hello', { code: 'PLB_RUN_DEADLINE' }]])
      await pipeline.drain()
    }))

  test('here the failure of one branch reaches the calls of the others', async () => {
    const { told, call } = model()
    const open = gate()
    const fail = async (text: string) => {
      await open.opened
      if (text === 'hello') throw new Error('no tool')
      return text
    }
    const writer = (text: string, ctx: Context) => (text === 'hello' ? call(text, ctx) : text)
    const pipeline = plumberOf(
      { in: 'std.inlet', fail, writer, join: same },
      { in: ['fail', 'writer'], fail: ['join'], writer: ['join'] },
    ).createPipeline()
    const asked = failureOf(() => pipeline.process('hello'))
    await turns()
    open.open()
    expect((await asked).cause).toMatchObject({ message: 'no tool' })
    await turns()
    expect(told.map(([prompt]) => prompt)).toEqual(['hello'])
    expect(await pipeline.process('bye')).toEqual(['bye', 'bye'])
    await pipeline.drain()
  })

  test('here no function is called for a request that has gone', async () => {
    const called: string[] = []
    const open = gate()
    const first = async (text: string) => {
      await open.opened
      return text
    }
    const writer = (text: string) => {
      called.push(text)
      return text
    }
    const pipeline = chain({ in: 'std.inlet', first: unfused(first, { workers: 2 }), writer }).createPipeline()
    const [gone, here] = [ask(pipeline, 'hello'), pipeline.process('bye')]
    await turns()
    gone.cancel(REASON)
    open.open()
    expect(await here).toBe('bye')
    await turns()
    expect(called).toEqual(['bye'])
    await expectAsNew(pipeline, (n) => n)
  })
})

test('hooks run in the context that created the pipeline, whoever makes requests', async () => {
  const seen: unknown[] = []
  const hook = (name: string) => () => void seen.push([name, user.getStore()])
  const coro = defineCoro({ setup: hook('setup'), run: (n: number) => n, teardown: hook('teardown') })
  const pipeline = user.run(7, () => chain({ in: 'std.inlet', coro }).createPipeline())
  await askAs(pipeline, 1)
  await askAs(pipeline, 2)
  await user.run(8, () => pipeline.drain())
  expect(seen).toEqual([
    ['setup', 7],
    ['teardown', 7],
  ])
})
