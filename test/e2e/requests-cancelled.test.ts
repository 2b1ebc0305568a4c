import { getEventListeners } from 'node:events'
import { type Context, DROP, defineCoro, type PipelineError } from '@pipelines/core'
import { type Gate, gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  aborted,
  chain,
  edgeOf,
  failureOf,
  having,
  nodeOf,
  type Pipeline,
  plumberOf,
  range,
  type Stage,
  same,
  settlesSoon,
  turns,
  unfused,
} from '../support/blackbox.js'
import {
  type Answer,
  type Asked,
  answersOf,
  ask,
  askAll,
  breathing,
  expectAsNew,
  expectCancelled,
  expectNothingInside,
  MANY,
  soon,
  type Time,
  windowed,
  withTime,
} from '../support/requests.js'
import { stillClock } from '../support/still-clock.js'

/*
 * Cancelling a request, wherever it is: its packets leave, its calls are told, and nobody else notices (S29).
 */

stillClock()

/** A pipeline with some requests under way, of which one is to be cancelled. */
interface Place {
  readonly pipeline: Pipeline
  /** In the order in which they were made. */
  readonly requests: readonly Asked[]
  /** Number of the one that is to be cancelled. */
  readonly victim: number
  /** What a request must give. */
  readonly answer: (n: number) => unknown
  /** Whether the victim is where it is to be cancelled; without it, everything that can move moves first. */
  readonly there?: () => boolean
  /** What must hold when it was cancelled, before anything was let go. */
  readonly after?: () => unknown
  /** Lets everybody go. */
  readonly release: () => unknown
  /** What must hold in the end. */
  readonly end?: () => unknown
}

type Props = Readonly<Record<string, unknown>>

/** A coroutine whose calls wait at a gate, whatever their signal says. */
const deaf =
  ({ opened }: Gate) =>
  async <T>(value: T): Promise<T> => {
    await opened
    return value
  }

/** A coroutine that waits at a gate for what is listed only, and notes what it is called with. */
function deafFor(open: Gate, ...held: readonly number[]) {
  const seen: number[] = []
  const coro = async (n: number) => {
    seen.push(n)
    if (held.includes(n)) await open.opened
    return n
  }
  return { seen, coro }
}

const asks = (pipeline: Pipeline, count: number): Asked[] => range(count).map((n) => ask(pipeline, n))
const started = (pipeline: Pipeline, node: string): number => nodeOf(pipeline.snapshot(), node).received
const depth = (pipeline: Pipeline, from: string, to: string): number => edgeOf(pipeline.snapshot(), from, to).depth
const busy = (pipeline: Pipeline, node: string): number => nodeOf(pipeline.snapshot(), node).inProgress

/** An inlet, and behind it a node that waits at a gate, with one place in its queue. */
function narrow(victim: number, more: Pick<Place, 'after'> = {}): Place {
  const open = gate()
  const stages = { in: unfused('std.inlet'), wait: unfused(deaf(open), { queueSize: 1 }) }
  const pipeline = chain(stages).createPipeline()
  const requests = asks(pipeline, 6)
  const there = () => busy(pipeline, 'wait') === 1 && depth(pipeline, 'in', 'wait') === 1
  return { pipeline, requests, victim, answer: same, there, release: open.open, ...more }
}

/** A call in progress, one that waits for its worker, and what the call does when it is told to stop. */
function calling(
  call: (n: number, ctx: Context, open: Gate) => unknown,
  more: (at: Place) => Partial<Place> = () => ({}),
) {
  const open = gate()
  const stages = { in: unfused('std.inlet'), call: unfused((n: number, ctx: Context) => call(n, ctx, open)), out: same }
  const pipeline = chain(stages).createPipeline()
  const requests = asks(pipeline, 3)
  const there = () => busy(pipeline, 'call') === 1 && depth(pipeline, 'in', 'call') === 2
  const place: Place = { pipeline, requests, victim: 0, answer: same, there, release: open.open }
  return { ...place, ...more(place) }
}

/** A node in front of which there is a node that forks, and a join. */
function joined(window: number | undefined, nodes: { a: Stage; b: Stage; join?: Stage; fork?: Stage }) {
  const { fork, join = same, ...branches } = nodes
  const graph = { a: ['join'], b: ['join'], join: ['out'] }
  const all = { in: 'std.inlet', ...(fork !== undefined && { fork }), ...branches, join, out: same }
  const edges = fork === undefined ? { in: ['a', 'b'], ...graph } : { in: ['fork'], fork: ['a', 'b'], ...graph }
  return (window === undefined ? plumberOf(all, edges) : windowed(window, all, edges)).createPipeline()
}

const pair = (n: number): unknown => [n, n]

/** Places, each with nothing to wait for but gates. */
const places: Readonly<Record<string, (time: Time) => Place>> = {
  'in front of the inlet': () => narrow(4),

  'in front of the inlet, the last': () => narrow(5),

  'where it waits for room in a full queue': () => narrow(2),

  'where it waits for room at one of two successors': () => {
    const open = gate()
    const pipeline = plumberOf(
      { in: unfused('std.inlet'), log: unfused(() => undefined), wait: unfused(deaf(open), { queueSize: 1 }) },
      { in: ['log', 'wait'] },
    ).createPipeline()
    const requests = asks(pipeline, 4)
    const there = () => started(pipeline, 'log') === 3
    return { pipeline, requests, victim: 2, answer: same, there, release: open.open }
  },

  'in a queue': () => {
    const place = narrow(1)
    const after = () => {
      // Its place is taken by the next.
      expect(depth(place.pipeline, 'in', 'wait')).toBe(1)
      expect(edgeOf(place.pipeline.snapshot(), 'in', 'wait').unprocessed).toBe(1)
    }
    return { ...place, after }
  },

  'in the middle of a long queue': () => {
    const open = gate()
    const { seen, coro } = deafFor(open, 0)
    const pipeline = chain({ in: unfused('std.inlet'), wait: unfused(coro) }).createPipeline()
    const requests = asks(pipeline, 9)
    const after = () => expect(depth(pipeline, 'in', 'wait')).toBe(7)
    const end = () => expect(seen.slice(0, 8)).toEqual([0, 1, 2, 3, 5, 6, 7, 8])
    return { pipeline, requests, victim: 4, answer: same, after, release: open.open, end }
  },

  'in a call that obeys': () =>
    calling(
      (n, { signal }, open) => Promise.race([aborted(signal), open.opened.then(() => n)]),
      ({ pipeline }) => ({
        after: () => {
          expect(nodeOf(pipeline.snapshot(), 'call')).toMatchObject({ received: 2, unprocessed: 1, inProgress: 1 })
        },
      }),
    ),

  'in a call that obeys by an error of its own': () =>
    calling((n, { signal }, open) =>
      Promise.race([
        aborted(signal).catch((cause) => {
          throw Object.assign(new Error('stopped', { cause }), { name: 'AbortError' })
        }),
        open.opened.then(() => n),
      ]),
    ),

  'in a call that ignores it, and returns late': () => {
    let atOnce = 0
    let most = 0
    const call = async (n: number, _: Context, open: Gate) => {
      most = Math.max(most, ++atOnce)
      await open.opened
      atOnce--
      return n
    }
    return calling(call, ({ pipeline }) => ({
      // The worker is not free before the call has returned (S7).
      after: () => {
        expect(nodeOf(pipeline.snapshot(), 'call')).toMatchObject({ received: 1, unprocessed: 1, late: 0 })
        expect(depth(pipeline, 'in', 'call')).toBe(2)
      },
      end: () => {
        expect(nodeOf(pipeline.snapshot(), 'call')).toMatchObject({ unprocessed: 1, late: 1, failed: 0 })
        expect(most).toBe(1)
      },
    }))
  },

  'in a call that ignores it, and fails late': () =>
    calling(
      async (n, { signal }, open) => {
        await open.opened
        if (signal.aborted) throw new Error('much too late')
        return n
      },
      ({ pipeline }) => ({ end: () => expect(nodeOf(pipeline.snapshot(), 'call').failed).toBe(0) }),
    ),

  'in a call that looks at its signal only afterwards': () => {
    const found: unknown[] = []
    const reasons: unknown[] = []
    const call = async (n: number, ctx: Context, open: Gate) => {
      await open.opened
      found.push(ctx.signal.aborted)
      reasons.push(ctx.signal.reason)
      return n
    }
    return calling(call, () => ({
      end: () => {
        expect(found.slice(0, 3)).toEqual([true, false, false])
        expect(reasons.slice(0, 3)).toEqual([REASON, undefined, undefined])
      },
    }))
  },

  'in a call that emits late, by several ports': () => {
    const open = gate()
    const call = async (n: number, ctx: Context) => {
      ctx.emit('side', `early ${n}`)
      await open.opened
      ctx.emit('side', `late ${n}`)
      return n
    }
    const seen: unknown[] = []
    const pipeline = plumberOf(
      { in: unfused('std.inlet'), call: unfused(call), side: (text: string) => void seen.push(text), out: same },
      { in: ['call'], call: ['out', { to: 'side', port: 'side' }] },
    ).createPipeline()
    const requests = asks(pipeline, 2)
    const there = () => busy(pipeline, 'call') === 1
    const end = () => expect(seen.slice(0, 2)).toEqual(['early 1', 'late 1'])
    return { pipeline, requests, victim: 0, answer: same, there, release: open.open, end }
  },

  'in a queue behind a call that others are in': () => {
    const open = gate()
    const pipeline = chain({
      in: unfused('std.inlet'),
      work: unfused(deaf(open), { workers: 3 }),
      out: unfused(same),
    }).createPipeline()
    const requests = asks(pipeline, 6)
    const there = () => busy(pipeline, 'work') === 3
    return { pipeline, requests, victim: 4, answer: same, there, release: open.open }
  },

  'where it waits for its turn behind an earlier call': () => {
    const open = gate()
    const { coro } = deafFor(open, 0)
    const pipeline = chain({
      in: unfused('std.inlet'),
      work: unfused(coro, { workers: 3, ordered: true }),
      out: same,
    }).createPipeline()
    const requests = asks(pipeline, 3)
    return { pipeline, requests, victim: 1, answer: same, release: open.open }
  },

  'in a call that later ones of an ordered node wait for': () => {
    const open = gate()
    const { coro } = deafFor(open, 0)
    const pipeline = chain({
      in: unfused('std.inlet'),
      work: unfused(coro, { workers: 3, ordered: true }),
      out: same,
    }).createPipeline()
    const requests = asks(pipeline, 3)
    // Nothing of it will leave, so the others need not wait for its call to return.
    const after = async () => {
      expect(await settlesSoon(Promise.all([requests[1]?.answer, requests[2]?.answer]))).toBe(true)
    }
    return { pipeline, requests, victim: 0, answer: same, after, release: open.open }
  },

  'in an async generator that is at work': () => {
    const open = gate()
    const [ended, outputs] = [[] as number[], [] as number[]]
    const generator = async function* (n: number) {
      try {
        yield DROP
        await open.opened
        yield n
        outputs.push(n)
      } finally {
        ended.push(n)
      }
    }
    const pipeline = chain({ in: unfused('std.inlet'), generator: unfused(generator), out: same }).createPipeline()
    const requests = asks(pipeline, 3)
    const end = () => {
      expect(ended.slice(0, 3)).toEqual([0, 1, 2])
      expect(outputs.slice(0, 2)).toEqual([1, 2])
    }
    return { pipeline, requests, victim: 0, answer: same, release: open.open, end }
  },

  'in an async generator that listens': () => {
    const open = gate()
    const ended: number[] = []
    const generator = async function* (n: number, { signal }: Context) {
      try {
        yield DROP
        await Promise.race([open.opened, aborted(signal)])
        yield n
      } finally {
        ended.push(n)
      }
    }
    const pipeline = chain({ in: unfused('std.inlet'), generator: unfused(generator), out: same }).createPipeline()
    const requests = asks(pipeline, 3)
    const after = async () => {
      await turns()
      expect(ended).toEqual([0])
      expect(busy(pipeline, 'generator')).toBe(1)
    }
    return { pipeline, requests, victim: 0, answer: same, after, release: open.open }
  },

  'in a generator whose output waits for room': () => {
    const open = gate()
    const made: number[] = []
    const closed: number[] = []
    const generator = function* (n: number) {
      try {
        if (n !== 1) yield n
        // What nobody cancels would go on for ever.
        else for (let part = 0; ; part++) yield made.push(part)
      } finally {
        closed.push(n)
      }
    }
    const out = async (n: number) => {
      await open.opened
      return n
    }
    const stages = { in: unfused('std.inlet'), generator: unfused(generator), out: unfused(out, { queueSize: 1 }) }
    const pipeline = chain(stages).createPipeline()
    const requests = [0, 1, 2].map((n) => ask(pipeline, n))
    const there = () => made.length === 2
    const answer = (n: number) => n
    const end = () => {
      expect(made).toHaveLength(2)
      expect(closed.slice(0, 3)).toEqual([0, 1, 2])
    }
    return { pipeline, requests, victim: 1, answer, there, release: open.open, end }
  },

  'in a generator whose outputs are held back': () => {
    const open = gate()
    const generator = async function* (n: number) {
      yield n
      await open.opened
      yield DROP
    }
    const pipeline = chain({
      in: unfused('std.inlet'),
      generator: unfused(generator, { emit: 'atomic', retry: { attempts: 2 } }),
      out: same,
    }).createPipeline()
    return { pipeline, requests: asks(pipeline, 3), victim: 0, answer: same, release: open.open }
  },

  'in the store of a join, while the other branch has its call': () => {
    const open = gate()
    const signals: AbortSignal[] = []
    const b = async (n: number, { signal }: Context) => {
      signals.push(signal)
      await open.opened
      return n
    }
    const pipeline = joined(undefined, { a: same, b: unfused(b, { workers: 2 }) })
    const requests = asks(pipeline, 3)
    const there = () => started(pipeline, 'join') === 3 && busy(pipeline, 'b') === 2
    const after = () => {
      expect(nodeOf(pipeline.snapshot(), 'join')).toMatchObject({ received: 3, unprocessed: 1, completed: 0 })
      expect(signals.map(({ aborted, reason }) => [aborted, reason])).toEqual([
        [true, REASON],
        [false, undefined],
      ])
    }
    return { pipeline, requests, victim: 0, answer: pair, there, after, release: open.open }
  },

  'in the store of a join, while the other branch has it in its queue': () => {
    const open = gate()
    const pipeline = joined(undefined, { a: same, b: unfused(deaf(open)) })
    const requests = asks(pipeline, 4)
    const there = () => started(pipeline, 'join') === 4
    const after = () => expect(depth(pipeline, 'in', 'b')).toBe(2)
    return { pipeline, requests, victim: 2, answer: pair, there, after, release: open.open }
  },

  'in a tuple that waits for the worker of the join': () => {
    const open = gate()
    const { seen, coro } = deafFor(open, 0)
    const join = ([n]: number[]) => coro(Number(n))
    const pipeline = joined(undefined, { a: unfused(same), b: unfused(same), join: unfused(join) })
    const requests = asks(pipeline, 3)
    const there = () => started(pipeline, 'join') === 6
    const end = () => expect(seen.slice(0, 2)).toEqual([0, 2])
    return { pipeline, requests, victim: 1, answer: same, there, release: open.open, end }
  },

  'in the call of a join': () => {
    const open = gate()
    const pipeline = joined(undefined, { a: same, b: same, join: unfused(deaf(open)) })
    const requests = asks(pipeline, 3)
    const there = () => busy(pipeline, 'join') > 0
    const after = () => expect(nodeOf(pipeline.snapshot(), 'join').unprocessed).toBe(2)
    return { pipeline, requests, victim: 0, answer: pair, there, after, release: open.open }
  },

  'between the calls of a product': () => {
    const open = gate()
    const calls: string[] = []
    const three = (n: number) => [0, 1, 2].map((part) => [n, part]).values()
    const join = async ([[n = 0, i], [, j]]: [number[], number[]]) => {
      calls.push(`${n}: ${i} ${j}`)
      if (n === 0 && i === 0 && j === 1) await open.opened
      return i === 2 && j === 2 ? n : DROP
    }
    const pipeline = joined(undefined, { a: three, b: three, join: unfused(join, { collect: 'product' }) })
    const requests = asks(pipeline, 2)
    const there = () => calls.length === 2
    const end = () => expect(calls.slice(0, 3)).toEqual(['0: 0 0', '0: 0 1', '1: 0 0'])
    return { pipeline, requests, victim: 0, answer: same, there, release: open.open, end }
  },

  'in the store of an inner join': () => {
    const open = gate()
    const nodes = { in: 'std.inlet', a: same, b: same, c: same, d: unfused(deaf(open)), inner: same, join: same }
    const edges = { in: ['a', 'b'], a: ['c', 'd'], c: ['inner'], d: ['inner'], inner: ['join'], b: ['join'] }
    const pipeline = windowed(2, nodes, edges).createPipeline()
    const requests = asks(pipeline, 5)
    const there = () => started(pipeline, 'inner') === 2
    return { pipeline, requests, victim: 0, answer: (n) => [[n, n], n], there, release: open.open }
  },

  'in one of several stores, of joins that overlap': () => {
    const open = gate()
    const nodes = { in: 'std.inlet', a: same, b: unfused(deaf(open)), c: same, ab: same, bc: same, all: same }
    const edges = { in: ['a', 'b', 'c'], a: ['ab'], b: ['ab', 'bc'], c: ['bc'], ab: ['all'], bc: ['all'] }
    const pipeline = windowed(1, nodes, edges).createPipeline()
    const requests = asks(pipeline, 3)
    const answer = (n: number) => [
      [n, n],
      [n, n],
    ]
    return { pipeline, requests, victim: 0, answer, release: open.open }
  },

  'where the only credit of the inlet is its own': () => {
    const open = gate()
    const { coro } = deafFor(open, 0)
    const pipeline = joined(1, { a: same, b: unfused(coro, { workers: 2 }) })
    const requests = asks(pipeline, 3)
    const there = () => busy(pipeline, 'b') === 1
    // The credit is back although the call has not returned.
    const after = async () => {
      expect(await settlesSoon(Promise.all([requests[1]?.answer, requests[2]?.answer]))).toBe(true)
    }
    return { pipeline, requests, victim: 0, answer: pair, there, after, release: open.open }
  },

  'where it waits at the inlet for the only credit': () => {
    const open = gate()
    const pipeline = joined(1, { a: same, b: unfused(deaf(open)) })
    const requests = asks(pipeline, 4)
    const there = () => busy(pipeline, 'b') === 1
    return { pipeline, requests, victim: 1, answer: pair, there, release: open.open }
  },

  'where its output waits at a fork for the only credit': () => {
    const open = gate()
    const fork = unfused(same, { workers: 2 })
    const pipeline = joined(1, { fork, a: same, b: unfused(deaf(open)) })
    const requests = asks(pipeline, 4)
    return { pipeline, requests, victim: 1, answer: pair, release: open.open }
  },

  'where an output of its generator waits at a fork for the only credit': () => {
    const open = gate()
    let closed = 0
    const fork = function* (n: number) {
      try {
        yield n
        yield n
      } finally {
        closed++
      }
    }
    const once = ([n]: number[]) => n
    let seen = 0
    const b = async (n: number) => {
      seen++
      await open.opened
      return n
    }
    // Of two equal tuples the second is left out.
    let last: unknown
    const out = (n: number) => {
      const again = n === last
      last = again ? undefined : n
      return again ? DROP : n
    }
    const pipeline = windowed(
      1,
      { in: 'std.inlet', fork: unfused(fork), a: same, b: unfused(b), join: once, out },
      { in: ['fork'], fork: ['a', 'b'], a: ['join'], b: ['join'], join: ['out'] },
    ).createPipeline()
    const requests = asks(pipeline, 3)
    const there = () => seen === 1
    const after = async () => {
      await turns()
      expect(closed).toBe(1)
    }
    return { pipeline, requests, victim: 0, answer: same, there, after, release: open.open }
  },

  'in front of the inlet, where another waits for the only credit': () => {
    const open = gate()
    const pipeline = joined(1, { a: unfused(same, { queueSize: 1 }), b: unfused(deaf(open), { queueSize: 1 }) })
    return { pipeline, requests: asks(pipeline, 6), victim: 3, answer: pair, release: open.open }
  },

  'in a batch that is not full': () => {
    const seen: number[][] = []
    const open = gate()
    const { coro } = deafFor(open, 2)
    const all = (list: number[]) => {
      seen.push(list)
      return list
    }
    const pipeline = chain({
      in: unfused('std.inlet'),
      work: unfused(coro, { workers: 3 }),
      batch: unfused(all, { batch: { size: 3 } }),
    }).createPipeline()
    const requests = asks(pipeline, 3)
    const end = () => expect(seen[0]).toEqual([1, 2])
    return { pipeline, requests, victim: 0, answer: same, release: open.open, end }
  },

  'where a batch waits for it alone': () => {
    const open = gate()
    const { coro } = deafFor(open, 2)
    const all = (list: number[]) => list
    const pipeline = chain({
      in: unfused('std.inlet'),
      work: unfused(coro, { workers: 3 }),
      batch: unfused(all, { batch: { size: 30 } }),
    }).createPipeline()
    const requests = asks(pipeline, 3)
    // Nothing else is on its way to the batch, so it goes ahead.
    const after = async () => {
      expect(await settlesSoon(Promise.all([requests[0]?.answer, requests[1]?.answer]))).toBe(true)
    }
    return { pipeline, requests, victim: 2, answer: same, after, release: open.open }
  },

  'in a batch that waits for time': ({ pass }) => {
    const seen: number[][] = []
    const all = (list: number[]) => {
      seen.push(list)
      return list
    }
    const batch = unfused(all, { batch: { size: 3, maxWaitMs: 1_000 } })
    const pipeline = chain({ in: unfused('std.inlet'), batch }).createPipeline()
    const requests = asks(pipeline, 2)
    const end = () => expect(seen[0]).toEqual([1])
    return { pipeline, requests, victim: 0, answer: same, release: () => pass(1_000), end }
  },

  'in a call of a batch': () => {
    const open = gate()
    const signals: AbortSignal[] = []
    const all = async (list: number[], { signal }: Context) => {
      signals.push(signal)
      await open.opened
      return list
    }
    const pipeline = chain({
      in: unfused('std.inlet'),
      batch: unfused(all, { batch: { size: 2 } }),
      out: same,
    }).createPipeline()
    const requests = asks(pipeline, 4)
    const there = () => busy(pipeline, 'batch') > 0
    const after = () => {
      expect(nodeOf(pipeline.snapshot(), 'batch').unprocessed).toBe(1)
      // The call is still that of the other member.
      expect(signals[0]?.aborted).toBe(false)
    }
    return { pipeline, requests, victim: 1, answer: same, there, after, release: open.open }
  },

  'in a batch inside a region': () => {
    const open = gate()
    const all = async (list: number[]) => {
      await open.opened
      return list
    }
    const pipeline = joined(2, { a: same, b: unfused(all, { batch: { size: 2 } }) })
    const requests = asks(pipeline, 5)
    const there = () => busy(pipeline, 'b') > 0
    return { pipeline, requests, victim: 0, answer: pair, there, release: open.open }
  },

  'before its next attempt': () => {
    const calls: string[] = []
    const flaky = (n: number, { attempt }: Context) => {
      calls.push(`${n} ${attempt}`)
      if (attempt === 1) throw new Error('not yet')
      return n
    }
    const retry = { attempts: 2, minDelayMs: 1_000, jitter: 'none' }
    const pipeline = chain({ in: unfused('std.inlet'), flaky: unfused(flaky, { retry }) }).createPipeline()
    const requests = asks(pipeline, 2)
    const there = () => calls.length === 1
    // Its worker is free at once.
    const after = async () => {
      await turns()
      expect(calls).toEqual(['0 1', '1 1'])
      expect(nodeOf(pipeline.snapshot(), 'flaky')).toMatchObject({ unprocessed: 1, failed: 0 })
    }
    const end = () => expect(calls).not.toContain('0 2')
    return { pipeline, requests, victim: 0, answer: same, there, after, release: () => {}, end }
  },

  'after a timeout, in a call that has not returned': ({ clock, pass }) => {
    const open = gate()
    const calls: string[] = []
    const slow = async (n: number, { attempt }: Context) => {
      calls.push(`${n} ${attempt}`)
      if (n === 0) await open.opened
      return n
    }
    const properties = { timeoutMs: 100, retry: { attempts: 2, minDelayMs: 0 } }
    const pipeline = chain({ in: unfused('std.inlet'), slow: unfused(slow, properties) }).createPipeline()
    const requests = asks(pipeline, 2)
    void pass(100)
    const there = () => calls.length === 1 && clock.now === 100
    const end = () => expect(calls.slice(0, 2)).toEqual(['0 1', '1 1'])
    return { pipeline, requests, victim: 0, answer: same, there, release: open.open, end }
  },

  'where it waits for the rate': () => {
    const seen: number[] = []
    const work = (n: number) => {
      seen.push(n)
      return n
    }
    const rated = unfused(work, { rateLimit: { count: 1, perMs: 1_000 } })
    const pipeline = chain({ in: unfused('std.inlet'), rated }).createPipeline()
    const requests = asks(pipeline, 3)
    const there = () => seen.length === 1
    const after = () => expect(depth(pipeline, 'in', 'rated')).toBe(1)
    const end = () => expect(seen.slice(0, 2)).toEqual([0, 2])
    return { pipeline, requests, victim: 1, answer: same, there, after, release: () => {}, end }
  },

  'where it waits for the rate alone': () => {
    const seen: number[] = []
    const work = (n: number) => {
      seen.push(n)
      return n
    }
    const rated = unfused(work, { rateLimit: { count: 1, perMs: 1_000 } })
    const pipeline = chain({ in: unfused('std.inlet'), rated }).createPipeline()
    const requests = asks(pipeline, 2)
    const there = () => seen.length === 1
    const after = () => expect(depth(pipeline, 'in', 'rated')).toBe(0)
    return { pipeline, requests, victim: 1, answer: same, there, after, release: () => {} }
  },

  'aside, because its key is in progress': () => {
    const open = gate()
    const { seen, coro } = deafFor(open, 0)
    const pipeline = partitioned(coro)
    const requests = asks(pipeline, 6)
    const there = () => seen.includes(1)
    const end = () => expect(seen.filter((n) => n % 2 === 0).slice(0, 2)).toEqual([0, 4])
    return { pipeline, requests, victim: 2, answer: same, there, release: open.open, end }
  },

  'in a call that others of its key wait for': () => {
    const open = gate()
    const { seen, coro } = deafFor(open, 0)
    const pipeline = partitioned(coro)
    const requests = asks(pipeline, 4)
    const there = () => seen.includes(1)
    const after = async () => {
      await turns()
      // One at a time per key, and the call has not returned.
      expect(seen.filter((n) => n % 2 === 0)).toEqual([0])
    }
    return { pipeline, requests, victim: 0, answer: same, there, after, release: open.open }
  },

  'in front of a lock step': () => {
    const open = gate()
    const { coro } = deafFor(open, 0)
    const stages = { in: unfused('std.inlet'), step: unfused(same, { packetsInFlight: 1 }), out: unfused(coro) }
    const pipeline = chain(stages).createPipeline()
    const requests = asks(pipeline, 4)
    return { pipeline, requests, victim: 1, answer: same, release: open.open }
  },

  'in a lock step, in work': () => {
    const open = gate()
    const stages = { in: unfused('std.inlet'), step: unfused(same, { packetsInFlight: 1 }), out: unfused(deaf(open)) }
    const pipeline = chain(stages).createPipeline()
    const requests = asks(pipeline, 4)
    const there = () => busy(pipeline, 'out') === 1
    return { pipeline, requests, victim: 0, answer: same, there, release: open.open }
  },

  'where it waits for a slot at one of two successors': () => {
    const open = gate()
    const pipeline = plumberOf(
      {
        in: unfused('std.inlet'),
        step: unfused(same, { packetsInFlight: 1 }),
        log: unfused(() => undefined),
        out: unfused(deaf(open)),
      },
      { in: ['step'], step: ['log', 'out'] },
    ).createPipeline()
    const requests = asks(pipeline, 4)
    return { pipeline, requests, victim: 1, answer: same, release: open.open }
  },

  'in the hands of a stream coroutine': () => {
    const open = gate()
    const passing = defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<number>) {
        for await (const n of inputs) {
          await open.opened
          yield n
        }
      },
    })
    const pipeline = chain({ in: unfused('std.inlet'), passing: unfused(passing), out: same }).createPipeline()
    const requests = asks(pipeline, 3)
    const there = () => started(pipeline, 'passing') === 1
    const after = () => expect(nodeOf(pipeline.snapshot(), 'passing').unprocessed).toBe(1)
    return { pipeline, requests, victim: 0, answer: same, there, after, release: open.open }
  },

  'in front of a stream coroutine': () => {
    const open = gate()
    const passing = defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<number>) {
        for await (const n of inputs) {
          await open.opened
          yield n
        }
      },
    })
    const pipeline = chain({ in: unfused('std.inlet'), passing: unfused(passing), out: same }).createPipeline()
    const requests = asks(pipeline, 3)
    const there = () => started(pipeline, 'passing') === 1
    const after = () => expect(depth(pipeline, 'in', 'passing')).toBe(1)
    return { pipeline, requests, victim: 1, answer: same, there, after, release: open.open }
  },

  'in the queue of a dead-letter branch': () => {
    const open = gate()
    const refuse = (n: number) => {
      if (n < 500) throw new Error(`not ${n}`)
      return n
    }
    const letter = async ({ input }: { input: number }) => {
      await open.opened
      return -input
    }
    const pipeline = plumberOf(
      { in: 'std.inlet', work: having({ onError: 'route' }, refuse), out: same, letter: unfused(letter) },
      { in: ['work'], work: ['out', { to: 'letter', port: 'error' }] },
    ).createPipeline()
    const requests = range(4).map((n) => ask(pipeline, n + 1))
    const there = () => depth(pipeline, 'work', 'letter') === 3
    const answer = (n: number) => (n < 500 ? -n : n)
    return { pipeline, requests, victim: 2, answer, there, release: open.open }
  },

  'while its worker is set up': () => {
    const open = gate()
    const coro = defineCoro({ setup: () => open.opened, run: same })
    const pipeline = chain({ in: unfused('std.inlet'), coro: unfused(coro) }).createPipeline()
    return { pipeline, requests: asks(pipeline, 3), victim: 0, answer: same, release: open.open }
  },

  'in a pipeline that pauses': () => {
    const pipeline = chain({ in: unfused('std.inlet'), out: unfused(same) }).createPipeline()
    pipeline.pause()
    return { pipeline, requests: asks(pipeline, 3), victim: 1, answer: same, release: () => pipeline.resume() }
  },

  'in a shared call chain': () => {
    const open = gate()
    const stages = { in: 'std.inlet', a: same, b: deaf(open), c: same, d: same }
    const pipeline = chain(stages).createPipeline()
    return { pipeline, requests: asks(pipeline, 4), victim: 0, answer: same, release: open.open }
  },

  'where it waits in a shared call chain': () => {
    const open = gate()
    const pipeline = chain({ in: 'std.inlet', a: same, b: deaf(open), c: same, d: same }).createPipeline()
    return { pipeline, requests: asks(pipeline, 4), victim: 2, answer: same, release: open.open }
  },

  'where a part of it has arrived': () => {
    const open = gate()
    const { coro } = deafFor(open, 0)
    const pipeline = plumberOf(
      { in: unfused('std.inlet'), out: same, wait: unfused(coro), none: (): unknown => DROP },
      { in: ['out', 'wait'], wait: ['none'] },
    ).createPipeline()
    return { pipeline, requests: asks(pipeline, 3), victim: 0, answer: same, release: open.open }
  },
}

function partitioned(part: Stage): Pipeline {
  const properties: Props = { partitionBy: 'parity', workers: 4, ordered: false, fuse: false }
  const coroMap = { part, parity: (n: number) => n % 2 }
  return plumberOf(
    { in: unfused('std.inlet'), part: { coro: 'part', properties } },
    { in: ['part'] },
    { coroMap },
  ).createPipeline()
}

const REASON = new Error('client left')

/** Cancels a request at its place, and looks at everything. */
async function expectCancellable(make: (time: Time) => Place): Promise<void> {
  await withTime(async (time) => {
    const { pipeline, requests, victim, answer, there, after, release, end } = make(time)
    const cancelled = requests[victim] as Asked
    if (there === undefined) await turns()
    else await soon(there)
    expect(await settlesSoon(cancelled.answer)).toBe(false)
    cancelled.cancel(REASON)
    // By knowledge: no turn of the event loop is needed, and no call has to return.
    expect(await settlesSoon(cancelled.answer)).toBe(true)
    await expectCancelled(cancelled, REASON)
    await after?.()
    await release()
    const others = requests.filter((asked) => asked !== cancelled)
    const answers = await time.flow(Promise.all(others.map((asked) => asked.answer)))
    expect(answers).toEqual(others.map(({ value }) => answer(Number(value))))
    const { roots } = await expectAsNew(pipeline, answer, time)
    await end?.()
    expect(roots?.errored).toBe(0)
  })
}

describe('a request is cancelled', () => {
  test.each(Object.entries(places))('%s', async (_where, make) => {
    await expectCancellable(make)
  })
})

/** Cancels all the requests of a place at once. */
describe('all requests are cancelled together', () => {
  test.each(Object.entries(places))('of which one is %s', async (_where, make) => {
    await withTime(async (time) => {
      const { pipeline, requests, answer, there, release } = make(time)
      if (there === undefined) await turns()
      else await soon(there)
      const waiting: Asked[] = []
      for (const asked of requests) if (!(await settlesSoon(asked.answer))) waiting.push(asked)
      for (const { cancel } of waiting) cancel(REASON)
      for (const asked of waiting) await expectCancelled(asked, REASON)
      await release()
      await expectAsNew(pipeline, answer, time)
    })
  })
})

/** Graphs in which everything moves by itself, in microtasks. */
const moving: Readonly<Record<string, () => Pipeline>> = {
  'a chain': () => chain({ in: 'std.inlet', a: same, late: later, out: same }).createPipeline(),
  'a chain of nodes that do not share': () =>
    chain({
      in: unfused('std.inlet'),
      a: unfused(same, { queueSize: 1 }),
      late: unfused(later, { queueSize: 1 }),
      out: unfused(same, { queueSize: 1 }),
    }).createPipeline(),
  'workers in order': () =>
    chain({ in: unfused('std.inlet'), late: unfused(later, { workers: 2 }), out: unfused(same) }).createPipeline(),
  'workers that overtake': () =>
    chain({ in: 'std.inlet', late: unfused(later, { workers: 2, ordered: false }), out: same }).createPipeline(),
  'a diamond': () => joined(undefined, { a: unfused(later), b: same }),
  'a diamond with one credit': () => joined(1, { a: unfused(later, { queueSize: 1 }), b: unfused(same) }),
  'a fork with one credit': () =>
    joined(1, { fork: unfused(later, { workers: 2 }), a: unfused(later, { workers: 2 }), b: same }),
  'nested regions': () =>
    windowed(
      1,
      { in: 'std.inlet', a: same, b: later, c: later, d: same, inner: first, join: first },
      { in: ['a', 'b'], a: ['c', 'd'], c: ['inner'], d: ['inner'], inner: ['join'], b: ['join'] },
    ).createPipeline(),
  'a generator': () =>
    chain({
      in: unfused('std.inlet'),
      generator: unfused(async function* (n: number) {
        yield DROP
        await later(n)
        yield n
        yield DROP
      }),
      out: unfused(same, { queueSize: 1 }),
    }).createPipeline(),
  'a generator in a region': () =>
    windowed(
      1,
      {
        in: 'std.inlet',
        fork: unfused(function* (n: number) {
          yield n
          yield -1
        }),
        a: later,
        b: same,
        join: ([n]: number[]) => (n === -1 ? DROP : n),
      },
      { in: ['fork'], fork: ['a', 'b'], a: ['join'], b: ['join'] },
    ).createPipeline(),
  'a batch': () =>
    chain({
      in: unfused('std.inlet'),
      batch: unfused(async (list: number[]) => [await later(0), ...list].slice(1), { batch: { size: 2 } }),
      out: unfused(same),
    }).createPipeline(),
  'a batch in a region': () =>
    windowed(
      2,
      {
        in: 'std.inlet',
        a: unfused(async (list: number[]) => [await later(0), ...list].slice(1), { batch: { size: 2 } }),
        b: same,
        join: first,
      },
      { in: ['a', 'b'], a: ['join'], b: ['join'] },
    ).createPipeline(),
  'a generator that shares its call chain': () =>
    chain({
      in: 'std.inlet',
      generator: function* (n: number) {
        yield n
      },
      late: later,
      out: same,
    }).createPipeline(),
  'a promised generator in a region': () =>
    windowed(
      1,
      { in: 'std.inlet', a: async (n: number) => [await later(n)].values(), b: same, join: first },
      { in: ['a', 'b'], a: ['join'], b: ['join'] },
    ).createPipeline(),
  'a node that could route': () =>
    plumberOf(
      { in: 'std.inlet', work: having({ onError: 'route' }, same), out: later, letter: same },
      { in: ['work'], work: ['out', { to: 'letter', port: 'error' }] },
    ).createPipeline(),
  'a node that emits': () =>
    plumberOf(
      {
        in: 'std.inlet',
        work: (n: number, ctx: Context) => {
          ctx.emit('side', n)
          return n
        },
        side: (): unknown => DROP,
        out: later,
      },
      { in: ['work'], work: ['out', { to: 'side', port: 'side' }] },
    ).createPipeline(),
  'outputs that are held back': () =>
    chain({
      in: 'std.inlet',
      parts: having({ emit: 'atomic' }, async function* (n: number) {
        yield DROP
        await later(n)
        yield n
      }),
      out: same,
    }).createPipeline(),
  'a product': () =>
    windowed(
      1,
      {
        in: 'std.inlet',
        a: (n: number) => [n, -1].values(),
        b: unfused(later),
        join: having({ collect: 'product' }, async ([n]: [number]) => (n < 0 ? DROP : later(n))),
      },
      { in: ['a', 'b'], a: ['join'], b: ['join'] },
    ).createPipeline(),
  'a partition': () => partitioned(later),
  'a lock step': () =>
    chain({
      in: unfused('std.inlet'),
      step: unfused(later, { packetsInFlight: 1 }),
      out: unfused(later),
    }).createPipeline(),
  'a stream coroutine': () =>
    chain({
      in: unfused('std.inlet'),
      stream: unfused(
        defineCoro({
          kind: 'stream',
          run: async function* (inputs: AsyncIterable<number>) {
            for await (const n of inputs) yield await later(n)
          },
        }),
      ),
      out: same,
    }).createPipeline(),
  'a dead-letter branch': () =>
    plumberOf(
      {
        in: 'std.inlet',
        work: having({ onError: 'route' }, async (n: number) => {
          if ((await later(n)) % 2 === 1) throw new Error('odd')
          return n
        }),
        letter: ({ input }: { input: number }) => later(input),
        merge: having({ aggregateInputs: false }, same),
      },
      { in: ['work'], work: ['merge', { to: 'letter', port: 'error' }], letter: ['merge'] },
    ).createPipeline(),
}

const first = ([n]: readonly unknown[]): unknown => n

async function later<T>(value: T): Promise<T> {
  await undefined
  await undefined
  return value
}

describe('a request is cancelled at every moment of its way', () => {
  /** Of a tuple any part will do. */
  const flat = (value: unknown): unknown => [value].flat(9)[0]

  /** Cancels one of three requests after so many microtasks, and turns of the event loop; tells whether it was in time. */
  async function cancelAfter(pipeline: Pipeline, microtasks: number, rounds: number): Promise<boolean> {
    const requests = asks(pipeline, 3)
    const victim = requests[(microtasks + rounds) % 3] as Asked
    await turns(rounds)
    for (let turn = 0; turn < microtasks; turn++) await undefined
    victim.cancel('enough')
    const [answer] = (await answersOf([victim.answer])) as [Answer]
    if ('value' in answer) expect(flat(answer.value)).toBe(victim.value)
    else expect(answer.error).toMatchObject({ code: 'PLB_RUN_CANCELLED', cause: 'enough' })
    const others = requests.filter((asked) => asked !== victim)
    const values = await Promise.all(others.map((asked) => asked.answer))
    expect(values.map(flat)).toEqual(others.map(({ value }) => value))
    await turns(5)
    expectNothingInside(pipeline)
    const more = await Promise.all(range(3).map((n) => pipeline.process(n + 10)))
    expect(more.map(flat)).toEqual([10, 11, 12])
    const report = await pipeline.drain()
    expect(report).toMatchObject({ outcome: 'completed', unprocessed: [] })
    return 'error' in answer
  }

  /** More moments than any of these graphs needs; some requests, such as those in a batch, need more than microtasks. */
  const MOST = 150

  /** Goes from moment to moment until all three requests were done twice before; gives how often one was cut off. */
  async function cancelEver(make: () => Pipeline, cancel: (pipeline: Pipeline, moment: number) => Promise<boolean>) {
    let cut = 0
    for (let [moment, late] = [0, 0]; late < 6 && moment < MOST; moment++) {
      if (await cancel(make(), moment)) {
        cut++
        late = 0
      } else late++
    }
    return cut
  }

  test.each(Object.entries(moving))('through %s', async (_what, make) => {
    await breathing(false, async () => {
      expect(await cancelEver(make, (pipeline, moment) => cancelAfter(pipeline, moment, 0))).toBeGreaterThan(5)
    })
    // Where the event loop goes round between items, there are other moments.
    await breathing(true, async () => {
      let cut = 0
      for (const microtasks of [0, 1, 2, 4])
        cut += await cancelEver(make, (pipeline, round) => cancelAfter(pipeline, microtasks, round))
      expect(cut).toBeGreaterThan(3)
      expect(cut).toBeLessThan(MOST)
    })
  })
})

describe('a coroutine that cancels its own request', () => {
  const controllers = new Map<number, AbortController>()
  /** Cancels the request of a number below ten, and goes on as if nothing were. */
  const cancel = (n: number): void => {
    if (n < 10) controllers.get(n)?.abort(REASON)
  }
  const noting = <T>(n: number, value: T): T => {
    cancel(n)
    return value
  }
  const partition: Props = { partitionBy: 'key', workers: 2 }

  test.each<[string, () => Pipeline]>([
    ['in a call', () => chain({ in: 'std.inlet', a: (n: number) => noting(n, n), out: same }).createPipeline()],
    [
      'in a call behind others',
      () => chain({ in: 'std.inlet', a: same, b: same, c: (n: number) => noting(n, n), out: same }).createPipeline(),
    ],
    ['at the leaf', () => chain({ in: 'std.inlet', out: (n: number) => noting(n, n) }).createPipeline()],
    [
      'after a while',
      () => chain({ in: 'std.inlet', a: (n: number) => later(n).then((m) => noting(m, m)) }).createPipeline(),
    ],
    [
      'in a generator',
      () =>
        chain({
          in: 'std.inlet',
          a: function* (n: number) {
            yield DROP
            yield noting(n, n)
            yield DROP
          },
          out: same,
        }).createPipeline(),
    ],
    [
      'in a branch of a region',
      () =>
        windowed(
          1,
          { in: 'std.inlet', a: (n: number) => noting(n, n), b: same, join: first },
          { in: ['a', 'b'], a: ['join'], b: ['join'] },
        ).createPipeline(),
    ],
    [
      'in the other branch of a region',
      () =>
        windowed(
          1,
          { in: 'std.inlet', a: same, b: unfused((n: number) => noting(n, n)), join: first },
          { in: ['a', 'b'], a: ['join'], b: ['join'] },
        ).createPipeline(),
    ],
    [
      'in a join',
      () =>
        windowed(
          1,
          { in: 'std.inlet', a: same, b: same, join: ([n]: number[]) => noting(Number(n), n) },
          { in: ['a', 'b'], a: ['join'], b: ['join'] },
        ).createPipeline(),
    ],
    [
      'in a batch',
      () =>
        chain({
          in: 'std.inlet',
          a: having({ batch: { size: 2 } }, (list: number[]) => list.map((n) => noting(n, n))),
          out: same,
        }).createPipeline(),
    ],
    [
      'where its key is looked up',
      () =>
        plumberOf(
          { in: 'std.inlet', a: { coro: 'same', properties: partition } },
          { in: ['a'] },
          {
            coroMap: { same, key: (n: number) => noting(n, n % 2) },
          },
        ).createPipeline(),
    ],
    [
      'and throws',
      () =>
        chain({
          in: 'std.inlet',
          a: (n: number) => {
            cancel(n)
            if (n < 10) throw new Error('as well')
            return n
          },
        }).createPipeline(),
    ],
  ])('%s', async (_where, make) => {
    const pipeline = make()
    const requests = range(6).map((n) => {
      const controller = new AbortController()
      if (n % 2 === 0) controllers.set(n, controller)
      else controllers.delete(n)
      return pipeline.process(n % 2 === 0 ? n : n + 10, { signal: controller.signal })
    })
    const settled = await Promise.allSettled(requests)
    for (const [n, one] of settled.entries())
      if (n % 2 === 0)
        expect(one).toMatchObject({ status: 'rejected', reason: { code: 'PLB_RUN_CANCELLED', cause: REASON } })
      else expect(one).toEqual({ status: 'fulfilled', value: n + 10 })
    await expectAsNew(pipeline, same)
  })
})

describe('the signal of a request', () => {
  const counting = () => {
    const state = { calls: 0 }
    const count = (n: number) => {
      state.calls++
      return n
    }
    return { state, pipeline: chain({ in: 'std.inlet', count }).createPipeline() }
  }

  test('that has aborted already lets nothing begin', async () => {
    const { state, pipeline } = counting()
    for (const method of ['process', 'processAll'] as const) {
      const error = await failureOf(() => pipeline[method](1, { signal: AbortSignal.abort(REASON) }))
      expect(error).toMatchObject({ name: 'AbortError', code: 'PLB_RUN_CANCELLED', cause: REASON })
    }
    await turns()
    expect(state.calls).toBe(0)
    expect(nodeOf(pipeline.snapshot(), 'in').received).toBe(0)
    await expectAsNew(pipeline, same)
  })

  test('that aborts at once, before anything could move, does so too', async () => {
    const { state, pipeline } = counting()
    const asked = ask(pipeline, 1)
    asked.cancel(REASON)
    await expectCancelled(asked, REASON)
    await turns()
    expect(state.calls).toBeLessThanOrEqual(1)
    await expectAsNew(pipeline, same)
  })

  test('that aborts after the end changes nothing', async () => {
    const { pipeline } = counting()
    const asked = ask(pipeline, 1)
    expect(await asked.answer).toBe(1)
    asked.cancel(REASON)
    await turns()
    expect(await asked.answer).toBe(1)
    const { roots } = await expectAsNew(pipeline, same)
    expect(roots).toMatchObject({ delivered: 1 + MANY, aborted: 0 })
  })

  test('may abort twice, and with a timeout besides', async () => {
    await withTime(async ({ pass, flow }) => {
      const open = gate()
      const pipeline = chain({ in: 'std.inlet', wait: unfused(deaf(open)) }).createPipeline()
      const asked = ask(pipeline, 1, { timeoutMs: 100 })
      await turns()
      asked.cancel(REASON)
      asked.cancel('another')
      await expectCancelled(asked, REASON)
      await pass(200)
      open.open()
      await expectAsNew(pipeline, same, { flow })
    })
  })

  test('without a reason has the reason of the platform', async () => {
    const open = gate()
    const pipeline = chain({ in: 'std.inlet', wait: deaf(open) }).createPipeline()
    const asked = ask(pipeline, 1)
    asked.cancel()
    await expectCancelled(asked, asked.signal.reason)
    expect((asked.signal.reason as Error).name).toBe('AbortError')
    open.open()
    await expectAsNew(pipeline, same)
  })

  test('may be that of many requests, everywhere in the graph, beside others', async () => {
    const open = gate()
    const controller = new AbortController()
    const pipeline = joined(2, {
      fork: unfused(same, { workers: 2, queueSize: 2 }),
      a: unfused(deaf(open), { workers: 2, queueSize: 1 }),
      b: unfused(same),
    })
    const { signal } = controller
    const requests = range(30).map((n) => pipeline.process(n, n % 3 === 0 ? {} : { signal }))
    const settled = Promise.allSettled(requests)
    await turns()
    controller.abort(REASON)
    await turns()
    open.open()
    for (const [n, one] of (await settled).entries())
      if (n % 3 === 0) expect(one).toEqual({ status: 'fulfilled', value: [n, n] })
      else expect(one).toMatchObject({ status: 'rejected', reason: { code: 'PLB_RUN_CANCELLED', cause: REASON } })
    const { roots } = await expectAsNew(pipeline, pair)
    expect(roots?.delivered).toBe(10 + MANY)
  })

  test('is not listened to any more when its request has ended, however it ended', async () => {
    const fail = (n: number) => {
      if (n === 2) throw new Error('no')
      return n === 3 ? DROP : n
    }
    const pipeline = chain({ in: 'std.inlet', fail, out: same }).createPipeline()
    const { signal } = new AbortController()
    for (const n of range(5)) await answersOf([pipeline.process(n, { signal })])
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await pipeline.drain()
  })

  test('may be that of many requests without a warning', async () => {
    const pipeline = chain({ in: 'std.inlet', out: same }).createPipeline()
    const { signal } = new AbortController()
    const warnings: unknown[] = []
    const warn = (warning: unknown): unknown => warnings.push(warning)
    process.on('warning', warn)
    await Promise.all(range(50).map((n) => pipeline.process(n, { signal })))
    await turns()
    process.off('warning', warn)
    expect(warnings.map(String)).toEqual([])
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await pipeline.drain()
  })

  test('of one request is not the one that the calls of another see', async () => {
    const signals = new Map<number, AbortSignal>()
    const open = gate()
    const wait = async (n: number, { signal }: Context) => {
      signals.set(n, signal)
      await open.opened
      return n
    }
    const pipeline = chain({ in: 'std.inlet', wait: unfused(wait, { workers: 3 }) }).createPipeline()
    const [a, b] = [ask(pipeline, 1), ask(pipeline, 2)]
    const put = pipeline.put(3)
    await soon(() => signals.size === 3)
    a.cancel(REASON)
    expect([1, 2, 3].map((n) => signals.get(n)?.aborted)).toEqual([true, false, false])
    expect(signals.get(1)?.reason).toBe(REASON)
    await put
    open.open()
    expect(await b.answer).toBe(2)
    await expectAsNew(pipeline, same)
    expect([2, 3].map((n) => signals.get(n)?.aborted)).toEqual([false, false])
  })

  test('of the last request in a worker slot is not that of the next', async () => {
    const seen: boolean[] = []
    const open = gate()
    const wait = async (n: number, { signal }: Context) => {
      seen.push(signal.aborted)
      if (n === 0) await Promise.race([open.opened, aborted(signal)])
      return n
    }
    const pipeline = chain({ in: 'std.inlet', wait }).createPipeline()
    const asked = ask(pipeline, 0)
    await soon(() => seen.length === 1)
    asked.cancel(REASON)
    await expectCancelled(asked, REASON)
    expect(await pipeline.process(1)).toBe(1)
    open.open()
    await expectAsNew(pipeline, same)
    expect(seen).toEqual(Array(2 + MANY).fill(false))
  })
})

describe('a batch in a call', () => {
  /** A batch of two that waits at a gate. */
  function batching(properties: Props = {}) {
    const open = gate()
    const signals: AbortSignal[] = []
    const lists: number[][] = []
    const all = async (list: number[], { signal }: Context) => {
      signals.push(signal)
      lists.push(list)
      await open.opened
      return list
    }
    const stages = { in: unfused('std.inlet'), batch: unfused(all, { batch: { size: 2 }, ...properties }), out: same }
    return { open, signals, lists, pipeline: chain(stages).createPipeline() }
  }

  test('is told when all its members are cancelled, and not before', async () => {
    const { open, signals, pipeline } = batching()
    const [a, b] = [ask(pipeline, 0), ask(pipeline, 1)]
    await soon(() => signals.length === 1)
    a.cancel('first')
    await expectCancelled(a, 'first')
    expect(signals[0]?.aborted).toBe(false)
    b.cancel('second')
    await expectCancelled(b, 'second')
    expect(signals[0]?.aborted).toBe(true)
    open.open()
    await expectAsNew(pipeline, same)
  })

  test('of a request and a put is not told', async () => {
    const { open, signals, pipeline } = batching()
    const a = ask(pipeline, 0)
    await pipeline.put(1)
    await soon(() => signals.length === 1)
    a.cancel(REASON)
    await expectCancelled(a, REASON)
    open.open()
    await turns()
    expect(signals[0]?.aborted).toBe(false)
    await expectAsNew(pipeline, same)
  })

  test('has the list that it was given, whatever happens to a member', async () => {
    const { open, lists, pipeline } = batching()
    const [a, b] = [ask(pipeline, 0), ask(pipeline, 1)]
    await soon(() => lists.length === 1)
    a.cancel(REASON)
    await turns()
    expect(lists).toEqual([[0, 1]])
    open.open()
    expect(await b.answer).toBe(1)
    await expectAsNew(pipeline, same)
  })

  test('fails the others and not the one that was cancelled', async () => {
    const open = gate()
    const boom = new Error('boom')
    const all = async (list: number[]) => {
      await open.opened
      if (list.includes(0)) throw boom
      return list
    }
    const pipeline = chain({ in: unfused('std.inlet'), batch: unfused(all, { batch: { size: 2 } }) }).createPipeline()
    const [a, b] = [ask(pipeline, 0), ask(pipeline, 1)]
    await soon(() => started(pipeline, 'batch') === 2)
    a.cancel(REASON)
    await expectCancelled(a, REASON)
    open.open()
    expect(await failureOf(() => b.answer)).toMatchObject({ code: 'PLB_NODE_FAILED', cause: boom })
    await expectAsNew(pipeline, same)
  })

  test('that is filling goes on with those that come later', async () => {
    await withTime(async ({ flow }) => {
      const lists: number[][] = []
      const all = (list: number[]) => {
        lists.push(list)
        return list
      }
      const batch = unfused(all, { batch: { size: 3, maxWaitMs: 60_000 } })
      const pipeline = chain({ in: unfused('std.inlet'), batch }).createPipeline()
      const [a, b] = [ask(pipeline, 0), ask(pipeline, 1)]
      await turns()
      a.cancel(REASON)
      const later = [ask(pipeline, 2), ask(pipeline, 3)]
      expect(await settlesSoon(Promise.all([b, ...later].map(({ answer }) => answer)))).toBe(true)
      expect(lists).toEqual([[1, 2, 3]])
      await expectAsNew(pipeline, same, { flow })
    })
  })
})

test('a request is cancelled in a partition behind a lock step: its place is free', async () => {
  const open = gate()
  const part = (n: number) => (n === 0 ? open.opened.then(() => n) : n)
  const nodes = {
    in: 'std.inlet',
    step: having({ fuse: false, packetsInFlight: 2 }, same),
    out: { coro: 'part', properties: { partitionBy: 'parity', workers: 2, ordered: false } },
  }
  const coroMap = { part, step: same, parity: (n: number) => n % 2 }
  const pipeline = plumberOf(nodes, { in: ['step'], step: ['out'] }, { coroMap }).createPipeline()
  const controller = new AbortController()
  const first = pipeline.process(0)
  const second = pipeline.process(2, { signal: controller.signal }).catch((error: PipelineError) => error.code)
  await turns(3)
  controller.abort()
  expect(await second).toBe('PLB_RUN_CANCELLED')
  const answers: unknown[] = []
  void pipeline.process(1).then((value: unknown) => answers.push(value))
  await turns(5)
  expect(answers).toEqual([1])
  open.open()
  expect(await first).toBe(0)
  pipeline.end()
  await pipeline.settled
})

test('a request is cancelled while its output waits for room with a place: the place is free', async () => {
  const open = gate()
  const made: number[] = []
  const step = (n: number) => {
    made.push(n)
    return n
  }
  const pipeline = chain({
    in: 'std.inlet',
    step: having({ fuse: false, packetsInFlight: 3 }, step),
    out: having({ queueSize: 1 }, (n: number) => open.opened.then(() => n)),
  }).createPipeline()
  const controller = new AbortController()
  const answers = range(5).map((n) =>
    pipeline.process(n, n === 2 ? { signal: controller.signal } : {}).catch((error: PipelineError) => error.code),
  )
  await turns(5)
  expect(made).toEqual([0, 1, 2])
  controller.abort()
  await turns(5)
  expect(made).toEqual([0, 1, 2, 3])
  open.open()
  expect(await Promise.all(answers)).toEqual([0, 1, 'PLB_RUN_CANCELLED', 3, 4])
  pipeline.end()
  await pipeline.settled
})

test('outputs that a cancelled request has given already are nobody’s', async () => {
  const open = gate()
  const seen: unknown[] = []
  const parts = async function* (n: number) {
    yield n
    await open.opened
    yield n
  }
  const pipeline = chain({ in: 'std.inlet', parts: unfused(parts, { workers: 2 }), out: same }).createPipeline({
    onOutput: ({ value }) => void seen.push(value),
  })
  const [a, b] = [askAll(pipeline, 1), askAll(pipeline, 2)]
  await turns()
  a.cancel(REASON)
  await expectCancelled(a, REASON)
  open.open()
  expect(await b.answer).toEqual([2, 2])
  await pipeline.drain()
  expect(seen).toEqual([])
})

test('a hundred requests are cancelled one after the other while each is in its call, and the graph is as it was', async () => {
  const pipeline = joined(3, {
    a: same,
    b: unfused((n: number, ctx: Context) => (n < 1_000 ? aborted(ctx.signal) : n)),
  })
  for (const n of range(100)) {
    const asked = ask(pipeline, n)
    await soon(() => busy(pipeline, 'b') === 1)
    asked.cancel(n)
    await expectCancelled(asked, n)
  }
  const report = await expectAsNew(pipeline, pair)
  expect(nodeOf(report, 'b')).toMatchObject({ received: 100 + MANY, completed: MANY, failed: 0, unprocessed: 100 })
  expect(report.roots).toMatchObject({ delivered: MANY, aborted: 100, errored: 0 })
  expect(report.errors).toEqual([])
})
