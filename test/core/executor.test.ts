import { type Context, defineCoro, type Executor, inline, type Runner } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { finish, items, line, same } from '../support/plans.js'
import { turns } from '../support/turns.js'

const context = {} as Context
const bind = (coro: object) => ({ node: 'n', coro: coro as never, args: {} })

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
  test('is asked for one runner per node, with its name, coroutine and args', async () => {
    const bindings: unknown[] = []
    const executor: Executor = {
      name: 'noting',
      open: (binding) => {
        bindings.push(binding)
        return inline.open(binding)
      },
    }
    const coro = defineCoro({ run: (n: number) => n })
    await finish(line({ src: items(1, 2, 3), out: { coro, args: { a: 1 }, props: { workers: 3 }, executor } }))
    expect(bindings).toEqual([{ node: 'out', coro, args: { a: 1 } }])
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
