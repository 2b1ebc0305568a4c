import {
  type Context,
  defineCoro,
  type Executor,
  inline,
  isRunnerError,
  type NodeBinding,
  type Runner,
  RunnerError,
} from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { finish, items, line, same, start } from '../support/plans.js'
import { turns } from '../support/turns.js'

const context = {} as Context
/** Only what the inline executor reads. */
const bind = (coro: object): NodeBinding => ({ node: 'n', coro, args: {} }) as unknown as NodeBinding

describe('the inline executor', () => {
  test('gives a runner only the hooks that the coroutine has', async () => {
    const plain = await inline.open(bind({ run: same }))
    const full = await inline.open(bind({ run: same, setup: same, flush: same, teardown: same }))
    expect([Object.keys(plain), Object.keys(full).toSorted()]).toEqual([['run'], ['flush', 'run', 'setup', 'teardown']])
  })

  test('calls methods as methods of their definition', async () => {
    class Counter {
      count = 0
      run(step: number): number {
        this.count += step
        return this.count
      }
      flush(): string {
        return `total ${this.count}`
      }
    }
    const { values } = await finish(line({ src: items(1, 2), sum: { coro: new Counter() as never }, out: same }))
    expect(values).toEqual([1, 3, 'total 3'])
  })

  test('passes values, context and reason through, and errors out', async () => {
    const seen: unknown[] = []
    const note = (...args: unknown[]): void => void seen.push(args)
    const fail = (): never => {
      throw new Error('mine')
    }
    const runner = await inline.open(bind({ run: note, setup: note, flush: fail, teardown: note }))
    runner.setup?.(context)
    runner.run('value', context)
    runner.teardown?.(context, 'reason')
    expect(seen).toEqual([[context], ['value', context], [context, 'reason']])
    expect(() => runner.flush?.(context)).toThrow('mine')
  })
})

describe('an executor', () => {
  test('is asked for one runner per node, with all that is known of it', async () => {
    const bindings: NodeBinding[] = []
    const executor: Executor = {
      name: 'noting',
      open: (binding) => {
        bindings.push(binding)
        return inline.open(binding)
      },
    }
    const coro = defineCoro({ run: (n: number) => n })
    const env = { secret: 1 }
    const { network } = start(
      line({ src: items(1, 2, 3), out: { coro, args: { a: 1 }, props: { workers: 3 }, executor } }),
      {
        env,
        graceMs: 77,
      },
    )
    await network.settled
    const run = expect.objectContaining({ env, graceMs: 77, run: network.run })
    expect(bindings).toEqual([
      {
        ...{ node: 'out', coro, args: { a: 1 }, kind: 'map', run },
        properties: expect.objectContaining({ workers: 3 }),
        ...{ origin: undefined, references: undefined, holds: undefined },
        control: expect.objectContaining({ signal: expect.any(AbortSignal), setCallsPerWorker: expect.any(Function) }),
      },
    ])
  })

  test('may run the values elsewhere: its runner stands for the coroutine', async () => {
    const executor: Executor = { name: 'elsewhere', open: () => ({ run: async (value) => `<${String(value)}>` }) }
    const { values } = await finish(line({ src: items(1, 2), out: { coro: same, executor } }))
    expect(values).toEqual(['<1>', '<2>'])
  })
})

describe('executors', () => {
  test('that fail at once and later leave no rejection unhandled', async () => {
    const late = gate()
    const mine = new Error('at once')
    const rejecting: Executor = {
      name: 'late',
      open: () =>
        late.opened.then(() => {
          throw new Error('late')
        }),
    }
    const throwing: Executor = {
      name: 'now',
      open: () => {
        throw mine
      },
    }
    const { report } = await finish(
      line({ src: items(1), a: { coro: same, executor: throwing }, b: { coro: same, executor: rejecting } }),
    )
    late.open()
    await turns()
    expect(report.error).toMatchObject({ cause: mine })
  })

  test('close a runner after its last teardown', async () => {
    const log: string[] = []
    const runner: Runner = {
      run: same,
      setup: () => undefined,
      teardown: async () => {
        await turns(2)
        log.push('torn down')
      },
      close: async () => void log.push('closed'),
    }
    const executor: Executor = { name: 'noting', open: () => runner }
    await finish(line({ src: items(1), out: { coro: same, executor } }))
    expect(log).toEqual(['torn down', 'closed'])
  })
})

/** An executor whose runner is this one. */
const running = (runner: Runner): Executor => ({ name: 'mine', open: () => runner })

describe('a runner', () => {
  test('is waited for until it is warm', async () => {
    const warm = gate()
    const executor = running({ ready: warm.opened, run: same })
    const run = start(line({ src: items(1), out: { coro: same, executor } }))
    await turns()
    expect([run.network.state, run.values]).toEqual(['starting', []])
    warm.open()
    await run.report()
    expect(run.values).toEqual([1])
  })

  test('that never gets warm fails the run with the reason', async () => {
    const cause = new Error('cold')
    const executor = running({ ready: Promise.reject(cause), run: same })
    const { report } = await finish(line({ src: items(1), out: { coro: same, executor } }))
    expect([report.outcome, report.error?.cause]).toEqual(['failed', cause])
  })

  test('is closed though it was not warm, when the run is doomed', async () => {
    const log: unknown[] = []
    const ready = new Promise<void>(() => {})
    const executor = running({ ready, run: same, close: async (reason) => void log.push(reason) })
    const { network, report } = start(line({ src: items(1), out: { coro: same, executor } }))
    network.doomsday('now')
    await report()
    expect(log).toHaveLength(1)
  })

  test('is asked for a place before an attempt that has only so much time, and that is no part of it', async () => {
    const place = gate()
    const asked: string[] = []
    const executor = running({
      free: () => {
        asked.push('free')
        return place.opened
      },
      run: (value) => {
        asked.push('run')
        return value
      },
    })
    const run = start(line({ src: items(1), out: { coro: same, executor, props: { timeoutMs: 20 } } }))
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect([asked, run.values]).toEqual([['free'], []])
    place.open()
    await run.report()
    expect([asked, run.values]).toEqual([['free', 'run'], [1]])
  })

  test('is not asked for a place where a call may take as long as it likes', async () => {
    const executor = running({ free: () => Promise.reject(new Error('asked')), run: same })
    expect((await finish(line({ src: items(1), out: { coro: same, executor } }))).values).toEqual([1])
  })

  test('is killed when a call in it does not end, and the node ends after that', async () => {
    const killed = gate()
    const log: string[] = []
    const executor = running({
      run: () => new Promise(() => {}),
      close: async () => void log.push('closed'),
      kill: () => {
        log.push('killed')
        return killed.opened
      },
    })
    const { network, report } = start(line({ src: items(1), out: { coro: same, executor } }), { graceMs: 10 })
    await turns()
    network.doomsday('now')
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect([network.state, log]).toEqual(['doomed', ['killed']])
    killed.open()
    expect((await report()).abandoned).toEqual(['out'])
  })

  test('may have more calls at once than there are workers', async () => {
    const calls: (() => void)[] = []
    let most = 0
    const executor: Executor = {
      name: 'wide',
      open: ({ control }) => {
        control.setCallsPerWorker(4)
        return {
          run: (value) =>
            new Promise((resolve) => {
              calls.push(() => resolve(value))
              most = Math.max(most, calls.length)
            }),
        }
      },
    }
    const stage = { coro: same, executor, props: { workers: 2 } }
    const run = start(line({ src: items(1, 2, 3, 4, 5, 6, 7, 8, 9), out: stage }))
    while (run.values.length < 9) {
      await turns(3)
      for (const call of calls.splice(0).reverse()) call()
    }
    await run.report()
    expect([most, run.values]).toEqual([8, [1, 2, 3, 4, 5, 6, 7, 8, 9]])
  })
})

describe('a runner error', () => {
  const cause = new Error('gone')

  test.each(['skip', 'route', 'fail'] as const)('ends the run, though the node would "%s"', async (onError) => {
    const executor = running({ run: () => Promise.reject(new RunnerError('setup', cause)) })
    const { report } = await finish(line({ src: items(1), out: { coro: same, executor, props: { onError } } }))
    expect(report.error).toMatchObject({ code: 'PLB_NODE_FAILED', cause, details: { phase: 'setup' } })
  })

  test('is not tried again', async () => {
    let calls = 0
    const executor = running({
      run: () => {
        calls++
        return Promise.reject(new RunnerError('run', cause))
      },
    })
    const retry = { attempts: 5, minDelayMs: 0, maxDelayMs: 0, factor: 1, jitter: 'none' } as never
    const { report } = await finish(line({ src: items(1), out: { coro: same, executor, props: { retry } } }))
    expect([report.outcome, calls]).toEqual(['failed', 1])
  })

  test('is recognised by its brand', () => {
    const twin = Object.defineProperty(new Error('from another install'), Symbol.for('@pipelines/runner-error'), {
      value: true,
    })
    expect([new RunnerError('run', cause), twin, cause, { phase: 'run' }, undefined].map(isRunnerError)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
  })
})
