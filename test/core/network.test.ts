import { AsyncLocalStorage } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import { type Executor, inline, type Logger, Network, type RunState, SILENT } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { finish, items, line, type NodeSpec, planOf, prepare, range, same, start } from '../support/plans.js'
import { settlesSoon, turns, until } from '../support/turns.js'

const never: NodeSpec = { coro: () => new Promise(() => {}), props: { queueSize: 1 } }

/** An executor whose runners are warm when the gate opens, and that notes what is opened and closed. */
function slowExecutor() {
  const warm = gate()
  const notes: string[] = []
  const executor: Executor = {
    name: 'slow',
    open: async (binding) => {
      notes.push(`opened ${binding.node}`)
      await warm.opened
      return { ...(await inline.open(binding)), close: async () => void notes.push(`closed ${binding.node}`) }
    },
  }
  return { warm, notes, executor }
}

describe('a network', () => {
  test('starts once', async () => {
    const run = start(line({ src: items(1), out: same }))
    expect(() => run.network.start()).toThrow(expect.objectContaining({ code: 'PLB_STATE_ALREADY_STARTED' }))
    await run.report()
    expect(() => run.network.start()).toThrow(expect.objectContaining({ code: 'PLB_STATE_ALREADY_STARTED' }))
  })

  test('settles when all its nodes have ended, and tells what each did', async () => {
    const { report } = await finish(line({ src: items(1, 2), work: (n: number) => n + 1, out: same }))
    expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], abandoned: [], errors: [] })
    expect(report.nodes.work).toMatchObject({ received: 2, completed: 2, emitted: 2 })
    expect(report.edges).toEqual([
      { from: 'src', port: 'out', to: 'work', entered: 2, left: 2, unprocessed: 0, waits: 0 },
      { from: 'work', port: 'out', to: 'out', entered: 2, left: 2, unprocessed: 0, waits: 0 },
    ])
    expect(report.durationMs).toBeGreaterThan(0)
  })

  test('shares nothing with another one of the same plan', async () => {
    const plan = planOf(line({ src: items(...range(50)), work: same, out: same }))
    const reports = await Promise.all(
      range(5).map(() => {
        const network = new Network(plan)
        network.start()
        return network.settled
      }),
    )
    expect(reports.map(({ nodes }) => nodes.out?.completed)).toEqual([50, 50, 50, 50, 50])
  })

  test('gives every coroutine its env and its logger by reference', async () => {
    const env = { db: {} }
    const seen: unknown[] = []
    const out = (_: unknown, ctx: { env: unknown; log: unknown }): void => void seen.push(ctx.env, ctx.log)
    await finish(line({ src: items(1), out: out as never }), { env, logger: SILENT })
    expect([seen[0] === env, seen[1] === SILENT]).toEqual([true, true])
  })

  test('tells the state of everything while it runs', async () => {
    const run = start(line({ src: items(...range(9)), work: { ...never, props: { workers: 2, queueSize: 3 } } }), {
      graceMs: 5,
    })
    await turns()
    const { state, nodes, edges } = run.network.snapshot()
    expect([state, nodes.work?.state, nodes.work?.inProgress]).toEqual(['running', 'running', 2])
    expect(edges).toEqual([expect.objectContaining({ entered: 5, left: 2, depth: 3, capacity: 3 })])
    await run.network.doomsday()
  })
})

describe('backpressure (S2)', () => {
  test('lets a blocked source emit exactly what the edges hold and what is in hand along the chain', async () => {
    let made = 0
    const src = function* (): Generator<number> {
      while (made < 1_000) yield made++
    }
    const props = (queueSize: number) => ({ queueSize })
    const spec = line({
      src,
      a: { coro: same, props: props(4) },
      b: { coro: same, props: props(3) },
      out: { ...never, props: props(2) },
    })
    const run = start(spec, { graceMs: 5 })
    await turns()
    expect(made).toBe(1 + 4 + 1 + 3 + 1 + 2 + 1)
    expect(run.network.snapshot().edges.map(({ depth }) => depth)).toEqual([4, 3, 2])
    const report = await run.network.doomsday()
    expect(report.unprocessed.map(({ value }) => value).toSorted((a, b) => Number(a) - Number(b))).toEqual(range(13))
  })

  test('counts every worker that holds an item', async () => {
    let made = 0
    const src = function* (): Generator<number> {
      while (made < 1_000) yield made++
    }
    const run = start(line({ src, out: { ...never, props: { workers: 7, queueSize: 5 } } }), { graceMs: 5 })
    await turns()
    expect(made).toBe(1 + 5 + 7)
    await run.network.doomsday()
  })

  test('offers to all of 64 successors at once and waits for the slowest', async () => {
    let made = 0
    const src = function* (): Generator<number> {
      while (made < 1_000) yield made++
    }
    const names = range(64).map((n) => `n${n}`)
    const successor = (name: string): NodeSpec =>
      name === 'n31' ? { ...never, props: { queueSize: 3 } } : { coro: same }
    const spec = { src: { coro: src, to: names }, ...Object.fromEntries(names.map((name) => [name, successor(name)])) }
    const run = start(spec, { graceMs: 5 })
    await turns()
    expect(made).toBe(1 + 3 + 1)
    const taken = names.filter((name) => name !== 'n31').map((name) => run.network.snapshot().nodes[name]?.received)
    expect(new Set(taken)).toEqual(new Set([5]))
    await run.network.doomsday()
  })

  test('gives every one of 64 successors every item, in order', async () => {
    const names = range(64).map((n) => `n${n}`)
    const successors = names.map(
      (name, n) => [name, { coro: (value: number) => [n, value], props: { queueSize: 1 + (n % 3) } }] as const,
    )
    const { values } = await finish({
      src: { coro: items(...range(50)), to: names },
      ...Object.fromEntries(successors),
    })
    expect(values).toHaveLength(64 * 50)
    for (const n of range(64))
      expect((values as [number, number][]).filter(([who]) => who === n).map(([, value]) => value)).toEqual(range(50))
  })
})

describe('doomsday', () => {
  test('before the start settles at once, and nothing starts any more', async () => {
    let called = false
    const run = prepare(
      line({
        src: () => {
          called = true
          return []
        },
        out: same,
      }),
    )
    expect((await run.network.doomsday('no')).outcome).toBe('doomed')
    expect(() => run.network.start()).toThrow(expect.objectContaining({ code: 'PLB_STATE_ALREADY_STARTED' }))
    expect([called, (await run.report()).reason]).toEqual([false, 'no'])
  })

  test('is idempotent: the first reason stays, the report is the same', async () => {
    const run = start(line({ src: items(1), out: never }), { graceMs: 5 })
    await turns()
    const reports = await Promise.all([
      run.network.doomsday('first'),
      run.network.doomsday('second'),
      run.network.drain(),
    ])
    expect(new Set(reports).size).toBe(1)
    expect([reports[0]?.reason, await run.network.doomsday('third')]).toEqual(['first', reports[0]])
  })

  test('after the end changes nothing', async () => {
    const run = start(line({ src: items(1), out: same }))
    const report = await run.report()
    expect([await run.network.doomsday(), report.outcome, run.network.state]).toEqual([report, 'completed', 'settled'])
  })

  test('in the middle of a drain settles as doomed', async () => {
    const run = start(line({ src: items(1, 2), out: never }), { graceMs: 5 })
    await turns()
    void run.network.drain()
    expect(run.network.state).toBe('draining')
    expect((await run.network.doomsday()).outcome).toBe('doomed')
  })

  test.each([undefined, null, 0, '', false])(
    'with %s as its reason gives teardowns something to tell it by',
    async (reason) => {
      const told: unknown[] = []
      const out = { run: () => turns(3), setup: () => 1, teardown: (_: unknown, why: unknown) => void told.push(why) }
      const run = start(line({ src: items(1), out: { coro: out } }))
      await turns(2)
      const report = await run.network.doomsday(reason)
      expect([report.outcome, told.length, told[0] === undefined]).toEqual(['doomed', 1, false])
    },
  )

  test('lists at most 1,000 unprocessed items, and counts all of them', async () => {
    const out = { ...never, props: { queueSize: 2_000 } }
    const run = start(line({ src: items(...range(1_500)), out }), { graceMs: 5 })
    await until(() => run.network.snapshot().edges[0]?.entered === 1_500)
    const report = await run.network.doomsday()
    expect([report.unprocessed.length, report.edges[0]?.unprocessed, report.nodes.out?.unprocessed]).toEqual([
      1_000, 1_499, 1,
    ])
  })

  test('while executors warm up settles, and closes what becomes warm later', async () => {
    const { warm, notes, executor } = slowExecutor()
    const run = start(line({ src: items(1), out: { coro: same, executor } }))
    const report = await run.network.doomsday()
    expect([report.outcome, notes]).toEqual(['doomed', ['opened out']])
    warm.open()
    await turns()
    expect(notes).toEqual(['opened out', 'closed out'])
  })

  test('of a finished report does not change it any more', async () => {
    const held = gate()
    const run = start(line({ src: items('a'), out: () => held.opened.then(() => Promise.reject(new Error('late'))) }), {
      graceMs: 5,
    })
    await turns()
    const report = await run.network.doomsday()
    const before = JSON.stringify([report.nodes, report.unprocessed, report.errors])
    held.open()
    await turns()
    expect(JSON.stringify([report.nodes, report.unprocessed, report.errors])).toBe(before)
  })
})

describe('a drain', () => {
  test('ends inlets and lets everything inside flow out', async () => {
    const run = start(line({ in: { kind: 'inlet' }, work: async (n: number) => n * 2, out: same }))
    for (const n of range(20)) await run.network.put(0, n)
    const report = await run.network.drain()
    expect([report.outcome, run.values]).toEqual(['completed', range(20).map((n) => n * 2)])
  })

  test('of a network that was not started starts it and settles', async () => {
    const run = prepare({ in: { kind: 'inlet', to: ['out'] }, out: { coro: same } })
    expect((await run.network.drain()).outcome).toBe('completed')
  })

  test('while executors warm up is not forgotten', async () => {
    const { warm, notes, executor } = slowExecutor()
    const run = start({ in: { kind: 'inlet', to: ['out'] }, out: { coro: same, executor } })
    const drained = run.network.drain()
    warm.open()
    expect(await settlesSoon(drained)).toBe(true)
    expect([(await drained).outcome, notes]).toEqual(['completed', ['opened out', 'closed out']])
  })

  test('of a paused network resumes it', async () => {
    const run = start(line({ in: { kind: 'inlet' }, out: same }))
    await run.network.put(0, 1)
    run.network.pause()
    expect((await run.network.drain()).outcome).toBe('completed')
    expect(run.values).toEqual([1])
  })

  test('dooms what still flows after four fifths of its deadline', async () => {
    const run = start(line({ src: items(1, 2), out: never }), { graceMs: 5 })
    await turns()
    const begun = performance.now()
    const report = await run.network.drain(50)
    expect(performance.now() - begun).toBeGreaterThanOrEqual(39)
    expect(report).toMatchObject({
      outcome: 'doomed',
      error: { code: 'PLB_RUN_DEADLINE', details: { deadlineMs: 50 } },
    })
    expect(report.abandoned).toEqual(['out'])
  })

  test('twice is one drain', async () => {
    const run = start(line({ in: { kind: 'inlet' }, out: same }))
    const [first, second] = await Promise.all([run.network.drain(), run.network.drain()])
    expect(first).toBe(second)
  })
})

describe('a deadline', () => {
  test('dooms the run', async () => {
    const run = start(line({ src: items(1), out: never }), { deadlineMs: 15, graceMs: 5 })
    const report = await run.report()
    expect(report).toMatchObject({
      outcome: 'doomed',
      error: { code: 'PLB_RUN_DEADLINE' },
      reason: { code: 'PLB_RUN_DEADLINE' },
    })
  })

  test('leaves no timer behind when the run is faster', async () => {
    const { report } = await finish(line({ src: items(1), out: same }), { deadlineMs: 60_000 })
    expect(report.outcome).toBe('completed')
  })
})

describe('a signal', () => {
  test('dooms the run when it aborts, with its reason', async () => {
    const controller = new AbortController()
    const run = start(line({ src: items(1), out: never }), { signal: controller.signal, graceMs: 5 })
    await turns()
    controller.abort('enough')
    const report = await run.report()
    expect(report).toMatchObject({
      outcome: 'doomed',
      reason: 'enough',
      error: { code: 'PLB_RUN_DOOMED', cause: 'enough' },
    })
  })

  test('that has aborted before keeps the run from starting', async () => {
    let called = false
    const { report } = await finish(
      line({
        src: () => {
          called = true
          return []
        },
      }),
      { signal: AbortSignal.abort('no') },
    )
    expect([report.outcome, report.reason, called]).toEqual(['doomed', 'no', false])
  })

  test.each(['completed', 'doomed', 'failed'] as const)('keeps no listener of a run that %s', async (outcome) => {
    const { signal } = new AbortController()
    const out =
      outcome === 'failed'
        ? { coro: () => Promise.reject(new Error('x')) }
        : outcome === 'doomed'
          ? never
          : { coro: same }
    const run = start(line({ src: items(1), out }), { signal, graceMs: 5 })
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    if (outcome === 'doomed') await run.network.doomsday()
    expect((await run.report()).outcome).toBe(outcome)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('starting', () => {
  test('waits until every executor is warm', async () => {
    const { warm, executor } = slowExecutor()
    const run = start(line({ src: items(1), out: { coro: same, executor } }))
    await turns()
    expect(run.network.state).toBe('starting')
    warm.open()
    expect([(await run.report()).outcome, run.values]).toEqual(['completed', [1]])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('cold')
      },
    ],
    ['rejects', () => Promise.reject(new Error('cold'))],
  ])('fails when an executor %s, and closes the others', async (_, open) => {
    const { warm, notes, executor } = slowExecutor()
    warm.open()
    const spec = line({ src: { coro: items(1), executor: { name: 'cold', open } }, out: { coro: same, executor } })
    const { report } = await finish(spec)
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_RUN_FAILED', cause: { message: 'cold' } } })
    await turns()
    expect(notes).toEqual(['opened out', 'closed out'])
  })
})

describe('the end of a run', () => {
  test('closes each runner once', async () => {
    const { warm, notes, executor } = slowExecutor()
    warm.open()
    await finish(line({ src: { coro: items(1), executor }, out: { coro: same, executor } }))
    expect(notes.toSorted()).toEqual(['closed out', 'closed src', 'opened out', 'opened src'])
  })

  test.each([
    ['rejects', () => Promise.reject(new Error('shut'))],
    [
      'throws',
      () => {
        throw new Error('shut')
      },
    ],
  ])('reports a runner whose close %s', async (_, close) => {
    const executor: Executor = {
      name: 'e',
      open: () => ({ run: (value) => value, close: close as () => Promise<void> }),
    }
    const run = start(line({ src: items(1), out: { coro: same, executor } }), { graceMs: 50 })
    await until(() => run.network.state === 'settled')
    expect(await run.report()).toMatchObject({ error: { code: 'PLB_NODE_FAILED', cause: { message: 'shut' } } })
  })

  test('does not wait for a runner that never closes longer than the grace period', async () => {
    const executor: Executor = {
      name: 'e',
      open: () => ({ run: (value) => value, close: () => new Promise(() => {}) }),
    }
    const { report } = await finish(line({ src: items(1), out: { coro: same, executor } }), { graceMs: 10 })
    expect([report.outcome, report.abandoned]).toEqual(['completed', ['out']])
  })

  test('comes early, and well, when nobody wants the outputs of the leaves', async () => {
    const endless = function* (): Generator<number> {
      for (let n = 0; ; n++) yield n
    }
    const run = start(line({ src: endless, work: same, out: same }))
    await until(() => run.values.length > 10)
    run.network.closeOutputs()
    const report = await run.report()
    expect([report.outcome, report.error]).toEqual(['completed', undefined])
  })
})

describe('the async context', () => {
  const storage = new AsyncLocalStorage<string>()

  test('of a put is that of everything which descends from it (S30a)', async () => {
    const seen: unknown[] = []
    const look = (where: string) => async (value: unknown) => {
      seen.push([where, value, storage.getStore()])
      await turns(1)
      seen.push([where, value, storage.getStore()])
      return value
    }
    const expand = function* (value: string): Generator<string> {
      seen.push(['expand', value, storage.getStore()])
      yield value
      seen.push(['expand', value, storage.getStore()])
    }
    const run = storage.run('start', () =>
      start(line({ in: { kind: 'inlet' }, a: look('a'), b: { coro: look('b'), props: { workers: 3 } }, expand })),
    )
    const users = ['x', 'y', 'z']
    await Promise.all(users.map((user) => storage.run(user, () => run.network.put(0, user))))
    await run.network.drain()
    expect(seen).toHaveLength(3 * 6)
    expect(seen.filter((one) => Array.isArray(one) && one[1] !== one[2])).toEqual([])
  })

  test('of the start is that of sources, of hooks and of what sources give', async () => {
    const seen: unknown[] = []
    const note = (): void => void seen.push(storage.getStore())
    const src = {
      setup: note,
      run: function* () {
        note()
        yield 1
        note()
      },
      teardown: note,
    }
    const out = { setup: note, run: note, flush: note, teardown: note }
    const run = storage.run('start', () => start(line({ src: { coro: src }, out: { coro: out } })))
    await run.report()
    expect([seen.length, new Set(seen)]).toEqual([8, new Set(['start'])])
  })
})

describe('events', () => {
  test('tell the states of the run and of its nodes', async () => {
    const run = prepare(line({ src: items(1), out: same }))
    const states: RunState[] = []
    const nodes: string[] = []
    run.network.events.on('state', ({ to }) => states.push(to))
    run.network.events.on('node:state', ({ node, from, to }) => nodes.push(`${node}: ${from} → ${to}`))
    run.network.start()
    await run.report()
    expect(states).toEqual(['starting', 'running', 'settled'])
    expect(nodes.filter((one) => one.startsWith('out'))).toEqual([
      'out: idle → running',
      'out: running → ending',
      'out: ending → ended',
    ])
  })

  test('tell errors, and of abandoned nodes', async () => {
    const run = prepare(
      line({ src: items(1, 2), bad: { coro: () => Promise.reject(new Error('x')), props: { onError: 'skip' } } }),
    )
    const codes: string[] = []
    run.network.events.on('error', ({ code }) => codes.push(code))
    run.network.start()
    await run.report()
    expect(codes).toEqual(['PLB_NODE_FAILED', 'PLB_NODE_FAILED'])
    const stuck = start(line({ src: items(1), out: never }), { graceMs: 5 })
    const warnings: unknown[] = []
    stuck.network.events.on('warning', ({ node }) => warnings.push(node))
    await turns()
    await stuck.network.doomsday()
    expect(warnings).toEqual(['out'])
  })

  test('hurt nobody when a listener throws: it is logged', async () => {
    const logged: unknown[] = []
    const logger: Logger = { ...SILENT, error: (fields) => void logged.push(fields) }
    const run = prepare(line({ src: items(1), out: same }), { logger })
    run.network.events.on('state', () => {
      throw new Error('listener')
    })
    run.network.start()
    expect((await run.report()).outcome).toBe('completed')
    expect(logged).toHaveLength(3)
    expect(logged[0]).toMatchObject({ event: 'state', err: { message: 'listener' } })
  })

  test('are replaced by one line in the log when a run fails and nobody listens', async () => {
    const logged: unknown[] = []
    const logger: Logger = { ...SILENT, error: (fields) => void logged.push(fields) }
    const bad = line({ src: items(1), out: () => Promise.reject(new Error('x')) })
    await finish(bad, { logger })
    expect(logged).toEqual([{ err: expect.objectContaining({ code: 'PLB_NODE_FAILED' }) }])
    const heard = prepare(bad, { logger })
    heard.network.events.on('error', () => {})
    heard.network.start()
    await heard.report()
    expect(logged).toHaveLength(1)
  })
})

test('an idle network does nothing until something is put (S33)', async () => {
  const run = start(line({ in: { kind: 'inlet' }, work: same, out: same }))
  await turns(5)
  const before = run.network.snapshot()
  await turns(20)
  const after = run.network.snapshot()
  expect({ ...after, durationMs: before.durationMs }).toEqual(before)
  await run.network.drain()
})
