import { type Context, DROP, type RequestHandle, type TraceStep } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { chain, having, nodeOf, type Pipeline, range, same, turns, unfused } from '../../support/blackbox.js'
import {
  laterClock,
  type Play,
  type Run,
  type Scenario,
  type Seen,
  type Strictness,
  sameBothWays,
  text,
} from './both-ways.js'
import { DEEDS, FAILURES } from './deeds.js'

/*
 * Requests go along call chains as everything else does. What they are answered with, what their calls see, what a
 * trace tells and the books are the same as by the queues, also where they fail, are cancelled or run out of time.
 */

const clock = laterClock()

const NUMBERS = range(9)
const PLACES = ['a', 'b', 'c'] as const
type Place = (typeof PLACES)[number]

/** How a request is made, and what is noted of it. */
type Ask = (play: Play, n: number) => Promise<void>

type Asking = Parameters<Pipeline['request']>[1]

/** An inlet and three nodes, of which some are other ones; each is called with requests. */
interface Asked {
  readonly at: Partial<Record<Place, (play: Play) => Run>>
  readonly properties?: Readonly<Record<string, unknown>>
  readonly ask?: Ask
  /** Whether each request is answered before the next is made. */
  readonly apart?: boolean
}

function scenarioOf({ at, properties = {}, ask = (play, n) => tracing(play, n), apart = true }: Asked): Scenario {
  return {
    asks: true,
    nodes: (play) => ({
      in: 'std.inlet',
      ...Object.fromEntries(
        PLACES.map((place) => [place, having(properties, play.noting(place, at[place]?.(play) ?? same))]),
      ),
    }),
    act: async (play) => {
      if (apart) for (const n of NUMBERS) await ask(play, n)
      else await Promise.all(NUMBERS.map((n) => ask(play, n)))
      await play.pipeline.drain()
    },
  }
}

const askBothWays = (asked: Asked, strictness: Strictness = 'all'): Promise<Seen> =>
  sameBothWays(scenarioOf(asked), strictness)

/** What a trace tells, but for its times. */
const stepOf = ({ node, index, attempts, outcome }: TraceStep): string => `${node} ${index} ${attempts} ${outcome}`

/** Notes what became of a request, once its answer is there. */
async function noteAnswer(play: Play, n: number, asked: RequestHandle, steps: readonly string[]): Promise<void> {
  const answer = await asked.answer.then(
    ({ outputs }) => outputs.map(({ node, value, meta }) => `${node} ${text(value)} ${text(meta)}`),
    (error) => text(error),
  )
  // Once everything has returned that was told.
  await turns(3)
  // In order for each node; that of different ones is not promised.
  play.notes[n] = [answer, steps.toSorted()]
}

/** Makes a request, and notes its answer and what its trace tells. */
function tracing(
  play: Play,
  n: number,
  options: Asking = {},
  hear: (step: TraceStep) => void = () => {},
): Promise<void> {
  const steps: string[] = []
  const trace = (step: TraceStep): void => {
    steps.push(stepOf(step))
    hear(step)
  }
  return noteAnswer(play, n, play.pipeline.request(n, { meta: { n }, ...options, trace }), steps)
}

const places = PLACES.map((place) => [place] as const)
const third = (n: number): boolean => n % 3 === 2

describe.each(Object.entries(DEEDS))('a node that %s', (_, run) => {
  test.each(places)('as %s gives requests what it gives them anywhere', async (place) => {
    for (const apart of [true, false]) {
      const { report } = await askBothWays({ at: { [place]: () => run }, apart })
      expect(report.outcome).toBe('completed')
    }
  })
})

describe.each(Object.entries(FAILURES))('a node that %s', (_, run) => {
  test.each(places)('as %s fails its request, and no other one', async (place) => {
    const { play, report } = await askBothWays({ at: { [place]: () => run } })
    expect(report.outcome).toBe('completed')
    expect(play.notes.filter((note) => /PLB_NODE_FAILED/.test(text(note)))).toHaveLength(nodeOf(report, place).failed)
  })

  test.each(places)('as %s is left out of its request where it is to be', async (place) => {
    for (const apart of [true, false]) {
      const { report } = await askBothWays({ at: { [place]: () => run }, properties: { onError: 'skip' }, apart })
      expect(report.errors).toHaveLength(nodeOf(report, place).failed)
    }
  })
})

/** Ways in which a request is cancelled, each told how to do so; what they return is called where that happens. */
const CANCELS: Readonly<Record<string, (place: Place) => Asked>> = {
  'by the function, which gives a value then': (place) =>
    withSignal(place, (cancel) => (n) => {
      cancel()
      return n
    }),
  'by the function, which throws then': (place) =>
    withSignal(place, (cancel) => () => {
      cancel()
      throw new Error('too late')
    }),
  'by the function, which gives a promise then': (place) =>
    withSignal(place, (cancel) => (n) => {
      cancel()
      return turns(1).then(() => n)
    }),
  'by the function, which emits before and after': (place) =>
    withSignal(place, (cancel) => (n, ctx) => {
      ctx.emit('out', n + 100)
      cancel()
      ctx.emit('out', n + 200)
      return n
    }),
  'by the function, which has its signal and obeys': (place) =>
    withSignal(place, (cancel) => (n, { signal }) => {
      cancel()
      signal.throwIfAborted()
      return n
    }),
  'by the function, which drops then': (place) =>
    withSignal(place, (cancel) => () => {
      cancel()
      return DROP
    }),
  'by a microtask of the function': (place) =>
    withSignal(place, (cancel) => (n) => {
      queueMicrotask(cancel)
      return turns(1).then(() => n)
    }),
  'by whoever hears of the call': (place) => ({
    at: {},
    ask: (play, n) => {
      const controller = new AbortController()
      const hear = ({ node }: TraceStep): void => {
        if (third(n) && node === place) controller.abort('heard')
      }
      return tracing(play, n, { signal: controller.signal }, hear)
    },
  }),
  'by whoever takes its output': () => ({
    at: {},
    ask: (play, n) => {
      const controller = new AbortController()
      const onOutput = (): void => {
        if (third(n)) controller.abort('taken')
      }
      return tracing(play, n, { signal: controller.signal, onOutput })
    },
  }),
}

type Cancelling = (cancel: () => void) => (n: number, ctx: Context) => unknown

/** Every third request is cancelled from inside a call of a place. */
function withSignal(place: Place, cancelling: Cancelling): Asked {
  const controllers = new Map<number, AbortController>()
  const run: Run = (n: number, ctx) => {
    if (!third(n)) return n
    return cancelling(() => controllers.get(n)?.abort('not wanted'))(n, ctx)
  }
  return {
    at: { [place]: () => run },
    ask: (play, n) => {
      const controller = new AbortController()
      controllers.set(n, controller)
      return tracing(play, n, { signal: controller.signal })
    },
  }
}

describe.each(Object.entries(CANCELS))('a request that is cancelled %s', (_, asked) => {
  test.each(places)('at %s leaves the books and the others as they are without call chains', async (place) => {
    for (const apart of [true, false]) {
      const { play, report } = await askBothWays({ ...asked(place), apart })
      expect(report.outcome).toBe('completed')
      expect(play.notes.filter((note) => /PLB_RUN_CANCELLED/.test(text(note))).length).toBeGreaterThan(0)
      expect(play.notes.filter((note) => !/PLB_RUN_CANCELLED/.test(text(note)))).toHaveLength(6)
    }
  })
})

describe('a call of a request in a chain', () => {
  test('counts as late what it gives after that was cancelled, and the next one is on one stack again', async () => {
    const order: string[] = []
    const cancel: (() => void)[] = []
    const note = (name: string) => (n: number) => {
      order.push(`${name} ${n}`)
      queueMicrotask(() => order.push(`after ${name} ${n}`))
      if (name === 'b' && n === 0) cancel[0]?.()
      return n
    }
    const pipeline = chain({ in: 'std.inlet', a: note('a'), b: note('b'), c: note('c') }).createPipeline()
    const controller = new AbortController()
    cancel.push(() => controller.abort())
    await expect(pipeline.process(0, { signal: controller.signal })).rejects.toMatchObject({
      code: 'PLB_RUN_CANCELLED',
    })
    await turns(2)
    expect(nodeOf(pipeline.snapshot(), 'b')).toMatchObject({ received: 1, unprocessed: 1, late: 1, inProgress: 0 })
    expect(await pipeline.process(1)).toBe(1)
    expect(order.slice(order.indexOf('a 1')).slice(0, 3)).toEqual(['a 1', 'b 1', 'c 1'])
    await pipeline.drain()
  })

  test('can be cancelled by its handle, behind a call that was waited for', async () => {
    const seen: unknown[] = []
    const b = (n: number, { signal }: Context): number => {
      if (n === 1) asked.cancel('enough')
      seen.push([n, signal.aborted, signal.reason])
      return n
    }
    const nodes = { in: 'std.inlet', a: (n: number) => turns(1).then(() => n), b, c: same }
    const pipeline = chain(nodes).createPipeline()
    const asked: RequestHandle = pipeline.request(1)
    const other = pipeline.process(2)
    await expect(asked.answer).rejects.toMatchObject({ code: 'PLB_RUN_CANCELLED', cause: 'enough' })
    expect(await other).toBe(2)
    expect(seen).toEqual([
      [1, true, 'enough'],
      [2, false, undefined],
    ])
    const { nodes: books, roots } = await pipeline.drain()
    expect(nodeOf({ nodes: books }, 'b')).toMatchObject({ received: 2, completed: 1, unprocessed: 1, late: 1 })
    expect(roots).toMatchObject({ delivered: 1, aborted: 1 })
  })

  test('is in progress while it lasts, and neither when it was cancelled nor when it is told of', async () => {
    const seen: unknown[] = []
    const look = (when: string): void => {
      const { received, completed, unprocessed, inProgress } = nodeOf(pipeline.snapshot(), 'a')
      seen.push([when, received, completed, unprocessed, inProgress])
    }
    const controller = new AbortController()
    const a = (n: number): number => {
      look('before')
      controller.abort()
      look('cancelled')
      return n
    }
    const pipeline = chain({ in: 'std.inlet', a, b: same }).createPipeline()
    await expect(pipeline.process(1, { signal: controller.signal })).rejects.toMatchObject({
      code: 'PLB_RUN_CANCELLED',
    })
    expect(seen).toEqual([
      ['before', 1, 0, 0, 1],
      ['cancelled', 1, 0, 1, 0],
    ])
    await pipeline.drain()
  })

  test('has its own env, meta and signal, and what is put between two requests has those of the run', async () => {
    const signals: AbortSignal[] = []
    const looking: Run = (n: number, { env, meta, signal }) => {
      signals.push(signal)
      return { n, env: { ...env }, meta, aborted: signal.aborted }
    }
    const { play } = await sameBothWays({
      asks: true,
      nodes: (play) => ({ in: 'std.inlet', a: play.noting('a', same), b: play.noting('b', looking), c: same }),
      options: () => ({ env: { of: 'run' } }),
      act: async ({ pipeline, notes }) => {
        notes.push(await pipeline.process(1, { env: { of: 'one' }, meta: { m: 1 } }))
        await pipeline.put(2)
        await turns(2)
        notes.push(await pipeline.process(3, { env: { of: 'three' } }))
        await pipeline.put(4, { meta: { m: 4 } })
        await turns(2)
        await pipeline.drain()
      },
    })
    expect(new Set(signals.slice(0, 4)).size).toBe(3)
    expect(text(play.notes)).toMatch(/one.*three/)
    expect(play.outputs.get('c')).toHaveLength(2)
  })

  test('is told of before the next one begins', async () => {
    const order: string[] = []
    const note = (name: string) => (n: number) => {
      order.push(name)
      return n
    }
    const pipeline = chain({ in: 'std.inlet', a: note('a'), b: note('b') }).createPipeline()
    await pipeline.process(1, { trace: ({ node }) => void order.push(`${node} is over`) })
    expect(order).toEqual(['a', 'a is over', 'b', 'b is over'])
    await pipeline.drain()
  })

  test('that emits does so for its own request', async () => {
    const emitting: Run = (n: number, ctx) => {
      if (n % 2 === 0) ctx.emit('out', `${n} besides`)
      return n
    }
    const { play } = await askBothWays({ at: { b: () => emitting }, apart: false })
    expect(play.notes.map((note) => text(note).includes('besides'))).toEqual(NUMBERS.map((n) => n % 2 === 0))
  })

  test('that makes a request of the same network does not wait for itself', async () => {
    const asking =
      (play: Play): Run =>
      (n: number) => {
        if (n === 4)
          play.pipeline.process(100).then((value) => {
            play.notes[20] = value
          })
        return n
      }
    const { play } = await askBothWays({ at: { b: asking } })
    expect(play.notes[20]).toBe(100)
  })

  test.each(['pause', 'closeOutputs', 'doomsday', 'more workers', 'a tap'])(
    'in which somebody asks for %s is worked off all the same, whether from inside or by a trace',
    async (what) => {
      const act: Readonly<Record<string, (play: Play) => void>> = {
        pause: ({ pipeline }) => {
          pipeline.pause()
          setImmediate(() => pipeline.resume())
        },
        closeOutputs: ({ pipeline }) => pipeline.closeOutputs(),
        doomsday: ({ pipeline }) => void pipeline.doomsday('now'),
        'more workers': ({ pipeline }) => pipeline.setWorkers('b', 3),
        'a tap': ({ pipeline, notes }) => void pipeline.tap('b', ({ value }) => void notes.push(value)),
      }
      const isEnd = what === 'doomsday' || what === 'closeOutputs'
      for (const place of PLACES) {
        const inside = (play: Play): Run => {
          return (n: number) => {
            if (n === 4) act[what]?.(play)
            return n
          }
        }
        await askBothWays({ at: { [place]: inside } }, isEnd ? 'until it ends' : 'all')
        const ask: Ask = (play, n) =>
          tracing(play, n, {}, ({ node }) => {
            if (n === 4 && node === place) act[what]?.(play)
          })
        await askBothWays({ at: {}, ask }, isEnd ? 'until it ends' : 'all')
      }
    },
  )
})

describe('a request', () => {
  test('that runs out of time behind a chain names where it was, and the others go on', async () => {
    const { play } = await askBothWays({
      at: {
        b:
          () =>
          (n: number, { signal }) =>
            n === 4 ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))) : n,
      },
      ask: (play, n) => noteAnswer(play, n, play.pipeline.request(n, n === 4 ? { timeoutMs: 5 } : {}), []),
    })
    expect(text(play.notes[4])).toMatch(/PLB_RUN_DEADLINE.*nodes: .*"b/)
    expect(play.notes.filter((note) => /PLB/.test(text(note)))).toHaveLength(1)
  })

  test('through a chain of a thousand nodes needs no more stack than through a short one', async () => {
    const nodes = Object.fromEntries(range(1_000).map((n) => [`n${n}`, (value: number) => value + 1]))
    const pipeline = chain({ in: 'std.inlet', ...nodes }).createPipeline()
    const deep = (levels: number): Promise<number> => (levels > 0 ? deep(levels - 1) : pipeline.process<number>(0))
    expect(await deep(3_000)).toBe(1_000)
    await pipeline.drain()
  })

  test('after the other lets timers and sockets have their turn', async () => {
    const slowly = (n: number): number => {
      clock.now += 1
      return n
    }
    const pipeline = chain({ in: 'std.inlet', a: slowly, b: same }).createPipeline()
    let isOver = false
    setImmediate(() => {
      isOver = true
    })
    for (let made = 0; !isOver && made < 1_000; made++) await pipeline.process(made)
    expect(isOver).toBe(true)
    await pipeline.drain()
  })

  test('that waits until another one is through needs no more stack for that', async () => {
    const many = range(10_000)
    const asked: Promise<number>[] = []
    const a = (n: number): number => {
      if (n < 0) for (const each of many) asked.push(pipeline.process<number>(each))
      return n
    }
    const pipeline = chain({ in: 'std.inlet', a, b: same }).createPipeline({ maxInFlight: 1, overload: 'wait' })
    expect(await pipeline.process(-1)).toBe(-1)
    expect(await Promise.all(asked)).toEqual(many)
    await pipeline.drain()
  })

  test('goes by the queues where a node, or the run, must be alone', async () => {
    const orderOf = async (options: object, wrap: (run: Run) => object): Promise<string[]> => {
      const order: string[] = []
      const note = (name: string) => (n: number) => {
        order.push(`${name} ${n}`)
        queueMicrotask(() => order.push(`after ${name} ${n}`))
        return n
      }
      const pipeline = chain({ in: 'std.inlet', a: note('a'), b: wrap(note('b')), c: note('c') }).createPipeline(
        options,
      )
      await pipeline.process(1)
      await pipeline.drain()
      return order.slice(0, 2)
    }
    expect(await orderOf({}, (run) => run)).toEqual(['a 1', 'b 1'])
    expect(await orderOf({}, (run) => unfused(run) as object)).toEqual(['a 1', 'after a 1'])
    expect(await orderOf({ fuse: false }, (run) => run)).toEqual(['a 1', 'after a 1'])
  })

  test('that waits behind another one in a node comes after it, and before the next', async () => {
    const open = gate()
    const { play } = await askBothWays({
      at: { b: () => (n: number) => (n === 2 ? open.opened.then(() => n) : n) },
      apart: false,
      ask: async (play, n) => {
        if (n === 5) setImmediate(() => open.open())
        await tracing(play, n)
      },
    })
    expect(play.calls.get('c')?.map((call) => call.slice(0, 1))).toEqual(NUMBERS.map(String))
  })
})
