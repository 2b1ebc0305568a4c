import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, DROP, PipelineError } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { aborted, chain, endless, from, having, nodeOf, plumberOf, type Stage, same } from '../support/blackbox.js'
import { deaf, expectSound, inVirtualTime, now, obedient, played } from '../support/virtual-time.js'

/** Longest message that anybody gets, in characters. */
const LONGEST = 8 * 1024

const fail = (thrown: unknown) => (): never => {
  throw thrown
}
const then = 'then'
/** An object that is taken for a promise. */
const thenable = (settle: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void): object => ({
  [then]: settle,
})

/** An error of which nothing can be read. */
const unreadable = (): Error => {
  const getter = (what: string) => ({ get: fail(new Error(`no ${what}`)), configurable: true })
  // The stack first: to make it, the name is read.
  const error = Object.defineProperty(new Error(), 'stack', getter('stack'))
  return Object.defineProperties(error, {
    message: getter('message'),
    name: getter('name'),
    cause: getter('cause'),
    code: getter('code'),
    toString: { value: fail(new Error('no text')) },
    toJSON: { value: fail(new Error('no JSON')) },
  })
}

/** An object whose every question is answered by a throw. */
const hostile = (): object => {
  const traps = ['get', 'has', 'getPrototypeOf', 'ownKeys', 'getOwnPropertyDescriptor', 'set', 'defineProperty']
  return new Proxy(Object.create(null), Object.fromEntries(traps.map((trap) => [trap, fail(new Error(`no ${trap}`))])))
}
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
const circular = (): Error => {
  const error = new Error('round')
  error.cause = error
  return error
}

/** What may be thrown. */
const THROWN: [string, () => unknown][] = [
  ['an Error', () => new Error('boom')],
  ['undefined', () => undefined],
  ['null', () => null],
  ['a string', () => 'just text'],
  ['a string of 1 MB', () => 'x'.repeat(1_000_000)],
  ['a number', () => Number.NaN],
  ['a bigint', () => 1n],
  ['a symbol', () => Symbol('why')],
  ['a function', () => () => 'why'],
  ['DROP', () => DROP],
  ['an object without a prototype', () => Object.create(null)],
  ['a frozen Error', () => Object.freeze(new TypeError('boom'))],
  ['an Error with a message of 1 MB', () => new Error('x'.repeat(1_000_000))],
  ['an Error whose message is no text', () => Object.assign(new Error(), { message: { length: -1 } })],
  ['an Error that is its own cause', circular],
  ['an Error that cannot be read', unreadable],
  [
    'an AggregateError of many',
    () =>
      new AggregateError(
        Array.from({ length: 1_000 }, (_, n) => new Error(`${n}`)),
        'many',
      ),
  ],
  ['an AbortError of its own', () => new DOMException('mine', 'AbortError')],
  ['an error of this library', () => new PipelineError('RUN_DOOMED', {})],
  ['a promise', () => Promise.resolve('not an error')],
  ['a proxy that throws at everything', hostile],
  ['a revoked proxy', revoked],
]

/** How it may be thrown, for the number 2; every other number is handed on. */
const WAYS: [string, (thrown: unknown) => object, atomic?: boolean][] = [
  ['thrown', (thrown) => (n: number) => (n === 2 ? fail(thrown)() : n)],
  ['a rejection', (thrown) => async (n: number) => (n === 2 ? Promise.reject(thrown) : n)],
  ['a late rejection', (thrown) => (n: number) => (n === 2 ? sleep(1).then(fail(thrown)) : n)],
  [
    'thrown by a generator',
    (thrown) =>
      function* (n: number) {
        yield n
        if (n === 2) throw thrown
      },
    true,
  ],
  [
    'thrown by an async generator',
    (thrown) =>
      async function* (n: number) {
        yield n
        await sleep(1)
        if (n === 2) throw thrown
      },
    true,
  ],
  ['the rejection of a thenable', (thrown) => (n: number) => (n === 2 ? thenable((_, reject) => reject(thrown)) : n)],
]

const RETRY = { retry: { attempts: 3, minDelayMs: 1, jitter: 'none' } }

/** A line whose middle node fails. */
function failing(mid: object, properties: Readonly<Record<string, unknown>>) {
  const routes = properties.onError === 'route'
  const nodes: Record<string, Stage> = { src: from(1, 2, 3), mid: having(properties, mid), out: same }
  if (routes) nodes.dead = same
  return plumberOf(nodes, { src: ['mid'], mid: routes ? ['out', { to: 'dead', port: 'error' }] : ['out'] })
}

function expectReported(error: unknown, thrown: unknown, attempts: number): void {
  const { code, message, cause, details } = error as PipelineError
  expect(code).toBe('PLB_NODE_FAILED')
  expect(details).toMatchObject({ node: 'mid', attempts, phase: 'run' })
  expect(Object.is(cause, thrown), 'the cause is what was thrown').toBe(true)
  expect(message.length).toBeLessThanOrEqual(LONGEST)
  expect(message).toContain('"mid"')
}

describe.each(WAYS)('%s:', (_way, make, atomic) => {
  test.each(THROWN)('%s is reported as it is, bounded, and costs its own item alone', (_what, throwing) =>
    inVirtualTime(async () => {
      for (const [rest, attempts] of [
        [{}, 1],
        [RETRY, 3],
      ] as const) {
        const thrown = throwing()
        const run = (properties: object) =>
          played(failing(make(thrown), { ...(atomic && { emit: 'atomic' }), ...rest, ...properties }), { ledger: true })
        const counts = { received: 3, completed: 2, failed: 1, retried: attempts - 1, late: 0 }

        const skipped = await run({ onError: 'skip' })
        expect(skipped.values).toEqual([1, 3])
        expect(skipped.report.errors).toHaveLength(1)
        expectReported(skipped.report.errors[0], thrown, attempts)
        expect(nodeOf(skipped.report, 'mid')).toMatchObject(counts)
        expect(skipped.report.roots).toMatchObject({ delivered: 2, errored: 1 })

        const routed = await run({ onError: 'route' })
        expect(routed.valuesOf('out')).toEqual([1, 3])
        const [letter, ...others] = routed.valuesOf('dead') as { error: { message: string } }[]
        expect(others).toEqual([])
        expect(letter).toMatchObject({ error: { code: 'PLB_NODE_FAILED', node: 'mid', attempts }, input: 2, meta: {} })
        expect(JSON.stringify(letter).length).toBeLessThanOrEqual(2 * LONGEST)
        expect(letter?.error.message.length).toBeLessThanOrEqual(LONGEST)
        expectReported(routed.report.errors[0], thrown, attempts)
        expect(nodeOf(routed.report, 'mid')).toMatchObject(counts)
        expect(routed.report.roots).toMatchObject({ delivered: 2, deadLettered: 1 })

        const failed = await run({ onError: 'fail' })
        expect(failed.report.outcome).toBe('failed')
        expectReported(failed.report.error, thrown, attempts)
        expect(failed.report.errors).toHaveLength(1)
        expect(nodeOf(failed.report, 'mid')).toMatchObject({ failed: 1, retried: attempts - 1 })

        const over = await run({ onError: 'skip', maxErrors: { count: 1, perMs: 1_000 } })
        expect(over.report.outcome).toBe('completed')
      }
    }),
  )
})

describe('a thenable', () => {
  const settling: [string, () => object, 'value' | 'error'][] = [
    ['resolves twice', () => thenable((resolve) => [resolve('value'), resolve('other')]), 'value'],
    ['resolves, then rejects', () => thenable((resolve, reject) => [resolve('value'), reject('error')]), 'value'],
    ['rejects, then resolves', () => thenable((resolve, reject) => [reject('error'), resolve('value')]), 'error'],
    ['rejects twice', () => thenable((_, reject) => [reject('error'), reject('other')]), 'error'],
    [
      'resolves, then throws',
      () =>
        thenable((resolve) => {
          resolve('value')
          fail('error')()
        }),
      'value',
    ],
    [
      'rejects, then throws',
      () =>
        thenable((_, reject) => {
          reject('error')
          fail('other')()
        }),
      'error',
    ],
    ['throws at once', () => thenable(fail('error')), 'error'],
    ['cannot be asked', () => Object.defineProperty({}, then, { get: fail('error') }), 'error'],
    [
      'resolves and rejects again much later',
      () =>
        thenable((resolve, reject) => {
          resolve('value')
          setTimeout(() => reject('error'), 500)
          setTimeout(() => resolve('other'), 600)
        }),
      'value',
    ],
    [
      'gives a thenable that resolves',
      () => thenable((resolve) => resolve(thenable((again) => again('value')))),
      'value',
    ],
    [
      'gives a thenable that rejects',
      () => thenable((resolve) => resolve(thenable((_, reject) => reject('error')))),
      'error',
    ],
  ]

  test.each(settling)('that %s settles its call once', (_how, make, what) =>
    inVirtualTime(async () => {
      for (const properties of [{}, RETRY, { timeoutMs: 50 }, { ...RETRY, timeoutMs: 50, workers: 2 }]) {
        const mid = having({ onError: 'skip', ...properties }, (n: number) => (n === 2 ? make() : n))
        const { report, values } = await played(chain({ src: from(1, 2, 3), mid, out: same }), { ledger: true })
        const good = what === 'value'
        expect(values).toEqual(good ? [1, 'value', 3] : [1, 3])
        expect(report.errors.map(({ cause }) => cause)).toEqual(good ? [] : ['error'])
        const retried = !good && 'retry' in properties ? 2 : 0
        const failed = good ? 0 : 1
        expect(nodeOf(report, 'mid')).toMatchObject({ received: 3, completed: 3 - failed, failed, retried, late: 0 })
      }
      await sleep(1_000)
    }),
  )

  test('that never settles takes too long, and holds its worker', () =>
    inVirtualTime(async () => {
      const mid = having({ onError: 'skip', timeoutMs: 50 }, () => thenable(() => {}))
      const pipeline = chain({ in: 'std.inlet', mid }).createPipeline({ graceMs: 10 })
      await pipeline.put(1)
      await sleep(60)
      expect(nodeOf(pipeline.snapshot(), 'mid')).toMatchObject({ failed: 1 })
      const report = await pipeline.doomsday('enough')
      expect(report.abandoned).toEqual(['mid'])
      expectSound(report, ['in'])
    }))
})

describe('a generator that goes on after it was told to stop', () => {
  /** Yields whatever happens; how often it is asked after it was closed is counted. */
  const stubborn = (parts: { given: number }) =>
    function* (n: number) {
      try {
        for (;;) yield `${n}, ${parts.given++}`
      } finally {
        yield 'after all'
        yield 'and more'
      }
    } as object

  test('by an early end is let go of', () =>
    inVirtualTime(async () => {
      const parts = { given: 0 }
      const few = chain({ src: from(1, 2), mid: having({ fuse: false, queueSize: 1 }, stubborn(parts)), out: same })
      const seen: unknown[] = []
      for await (const { value } of few.stream()) {
        seen.push(value)
        if (seen.length === 3) break
      }
      expect(seen).toEqual(['1, 0', '1, 1', '1, 2'])
      expect(parts.given).toBeLessThan(200)
    }))

  test('by doomsday gives nothing more', () =>
    inVirtualTime(async () => {
      const seen: unknown[] = []
      const mid = async function* (n: number, { signal }: Context) {
        try {
          yield n
          await aborted(signal)
        } finally {
          yield 'after all'
          await sleep(5)
          yield 'and more'
        }
      } as object
      const pipeline = chain({ in: 'std.inlet', mid, out: same }).createPipeline({
        onOutput: ({ value }: { value: unknown }) => void seen.push(value),
      })
      await pipeline.put(1)
      await sleep(10)
      const report = await pipeline.doomsday('enough')
      expect(seen).toEqual([1])
      expect(report).toMatchObject({ outcome: 'doomed', errors: [] })
      expectSound(report, ['in'])
      await sleep(100)
      expect(seen).toEqual([1])
    }))

  test('by its timeout gives nothing more, and its worker goes on', () =>
    inVirtualTime(async () => {
      const mid = async function* (n: number, { signal }: Context) {
        try {
          yield n
          if (n === 2) await aborted(signal)
        } finally {
          if (n === 2) {
            yield 'after all'
            await sleep(5)
            yield 'and more'
          }
        }
      } as object
      const stage = having({ onError: 'skip', timeoutMs: 50 }, mid)
      const { report, values } = await played(chain({ src: from(1, 2, 3), mid: stage, out: same }))
      expect(values).toEqual([1, 2, 3])
      expect(report.errors).toMatchObject([{ code: 'PLB_NODE_TIMEOUT' }])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 3, completed: 2, failed: 1, emitted: 3 })
    }))

  test('by a failure at the same time: the failure is what is reported', () =>
    inVirtualTime(async () => {
      const mid = function* (n: number) {
        try {
          yield n
          if (n === 2) throw new Error('first')
        } finally {
          if (n === 2) fail(new Error('second'))()
        }
      } as object
      const { report } = await played(chain({ src: from(1, 2, 3), mid: having({ onError: 'skip' }, mid), out: same }))
      // JavaScript itself forgets the first.
      expect(report.errors.map(({ cause }) => (cause as Error).message)).toEqual(['second'])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 3, completed: 2, failed: 1 })
    }))

  test('and throws when it is closed costs nobody the run', () =>
    inVirtualTime(async () => {
      const numbers = endless()
      const mid = function* () {
        try {
          yield* numbers.source()
        } finally {
          fail(new Error('not closed'))()
        }
      } as object
      const { report, settledMs } = await played(
        chain({ src: from(1), mid: having({ fuse: false }, mid), out: obedient(10) }),
        { deadlineMs: 25 },
      )
      expect(report.error).toMatchObject({ code: 'PLB_RUN_DEADLINE' })
      expect(settledMs).toBe(25)
      expect(numbers.closed).toBe(true)
    }))
})

describe('an error while the run ends', () => {
  test('does not hide the first one', () =>
    inVirtualTime(async () => {
      const [first, second] = [new Error('first'), new Error('second')]
      const mid = async (n: number, { signal }: Context) => {
        if (n === 1) {
          await sleep(10)
          throw first
        }
        return aborted(signal).catch(fail(second))
      }
      const { report } = await played(chain({ src: from(1, 2), mid: having({ workers: 2 }, mid) }))
      expect(report.error?.cause).toBe(first)
      expect(report.errors.map(({ cause }) => cause)).toContain(first)
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 2, completed: 0 })
    }))

  test('after the timeout that ended it is not taken for its cause', () =>
    inVirtualTime(async () => {
      const mid = (_: unknown, { signal }: Context) => aborted(signal).catch(fail(new Error('second')))
      const { report, settledMs } = await played(chain({ src: from(1), mid: having({ timeoutMs: 50 }, mid) }))
      expect(settledMs).toBe(50)
      expect(report.error).toMatchObject({ code: 'PLB_NODE_TIMEOUT' })
      expect(report.error?.cause).toBeUndefined()
    }))

  test('of a call that was given up is nobody’s', () =>
    inVirtualTime(async () => {
      const mid = having({ timeoutMs: 50 }, () => deaf(1_000)(0).then(fail(new Error('much too late'))))
      const { report, settledMs } = await played(chain({ src: from(1), mid }), { graceMs: 20 })
      expect([settledMs, report.abandoned]).toEqual([70, ['mid']])
      await sleep(2_000)
      expect(report.errors).toHaveLength(1)
      expect(now()).toBe(2_070)
    }))
})

test('a listener, a logger or a handler of dead letters that throws does not change what the item failed with', () =>
  inVirtualTime(async () => {
    const boom = new Error('boom')
    const nodes = {
      src: from(1),
      mid: having({ onError: 'route', ...RETRY }, fail(boom)),
      out: same,
      dead: having({ onError: 'skip' }, fail(new Error('worse'))),
    }
    const plumber = plumberOf(nodes, { src: ['mid'], mid: ['out', { to: 'dead', port: 'error' }] })
    const pipeline = plumber.createPipeline({ ledger: true })
    pipeline.on('error', fail(new Error('listener')))
    const report = await pipeline.settled
    expect(report.outcome).toBe('completed')
    expect(report.errors.map(({ cause }) => (cause as Error).message)).toEqual(['boom', 'worse'])
    expect(report.roots).toMatchObject({ errored: 1 })
    expectSound(report)
  }))

test('the signal of an attempt may be thrown, and so may its reason, without a timeout or an end', () =>
  inVirtualTime(async () => {
    const mid = (n: number, { signal }: Context) => {
      if (n === 2) throw signal
      if (n === 3) throw signal.reason
      return n
    }
    const stage = having({ onError: 'skip', timeoutMs: 50, ...RETRY }, mid)
    const { report, values } = await played(chain({ src: from(1, 2, 3, 4), mid: stage, out: same }))
    expect(values).toEqual([1, 4])
    expect(report.errors.map(({ code }) => code)).toEqual(['PLB_NODE_FAILED', 'PLB_NODE_FAILED'])
    expect(nodeOf(report, 'mid')).toMatchObject({ completed: 2, failed: 2, retried: 4 })
  }))
