import { type Executor, inline, type Runner } from '@pipelines/core'
import { executorSuite } from '@pipelines/testkit/executor-suite'
import { describe, expect, test } from 'vitest'

/** Inline execution by another name, with something changed. */
const like = (change: (runner: Runner) => Partial<Record<keyof Runner, unknown>>): Executor => ({
  name: 'other',
  open: async (binding) => {
    const runner = await inline.open(binding)
    return { ...runner, ...change(runner) } as Runner
  },
})
const faithful = like(() => ({}))
const caseOf = (executor: Executor, name: string) => {
  const found = executorSuite({ make: () => executor }).find((one) => one.name === name)
  if (found === undefined) throw new Error(`There is no case "${name}".`)
  return found
}

describe('the suite', () => {
  const cases = executorSuite({ make: () => faithful })

  test.for(cases.map(({ name, run }) => [name, run] as const))('is passed by a faithful executor: %s', ([, run]) =>
    run(),
  )

  test('has a name of its own for every case', () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
    expect(cases.length).toBeGreaterThan(100)
  })

  test('skips cases by their names, with the reason', () => {
    const [first, second] = executorSuite({ make: () => faithful, skips: { [cases[0]?.name ?? '']: 'too far away' } })
    expect([first?.skipped, second?.skipped]).toEqual(['too far away', undefined])
  })

  test('refuses to skip what is no case, and without a reason', () => {
    const skipping = (skips: Readonly<Record<string, string>>) => () => executorSuite({ make: () => faithful, skips })
    expect(skipping({ 'a value comes out': 'why' })).toThrow('"a value comes out", which is no case')
    expect(skipping({ toString: 'why' })).toThrow('"toString", which is no case')
    expect(skipping({ 'a promise is awaited': '' })).toThrow('no reason for "a promise is awaited"')
  })

  test('closes what it was given after each case, also after one that failed', async () => {
    const log: string[] = []
    const make = (executor: Executor, name: string) => () => ({ ...executor, close: async () => log.push(name) })
    const broken = like(() => ({ run: () => 'something else' }))
    const name = 'DROP is no output'
    await executorSuite({ make: make(faithful, 'faithful') })
      .find((one) => one.name === name)
      ?.run()
    const failing = executorSuite({ make: make(broken, 'broken') }).find((one) => one.name === name)
    await expect(failing?.run()).rejects.toThrow('the executor gives what the case expects')
    expect(log).toEqual(['faithful', 'broken'])
  })
})

describe('the suite notices an executor that', () => {
  const offenders: readonly (readonly [what: string, executor: Executor, name: string])[] = [
    [
      'loses results',
      like(({ run }) => ({ run: (value: unknown, ctx: never) => void run(value, ctx) })),
      'lists and objects, nested come out as they went in',
    ],
    [
      'gives copies as text',
      like(({ run }) => ({ run: (value: unknown, ctx: never) => run(JSON.parse(JSON.stringify(value)), ctx) })),
      'Maps, Sets and Dates come out as they went in',
    ],
    [
      'tells only the message of an error',
      like(({ run }) => ({
        run: async (value: unknown, ctx: never) => {
          try {
            return await run(value, ctx)
          } catch (error) {
            throw new Error(error instanceof Error ? error.message : String(error))
          }
        },
      })),
      'an error with causes is the cause of what ends the run',
    ],
    ['does not flush', like(() => ({ flush: undefined })), 'a node behind gets what flush gives, and then ends'],
    [
      'sets up twice',
      like(({ setup }) => ({ setup: (ctx: never) => [setup?.(ctx), setup?.(ctx)][1] })),
      'setup, flush and teardown run once, around all items, with one state',
    ],
    [
      'does not tear down',
      like(() => ({ teardown: undefined })),
      'each worker has a state of its own, and is torn down once if it was set up',
    ],
    [
      'does not say why it tears down',
      like(({ teardown }) => ({ teardown: (ctx: never) => teardown?.(ctx, undefined) })),
      'teardown is told what ended the run',
    ],
    [
      'does not hand on the signal',
      like(({ run }) => ({
        run: (value: unknown, ctx: { signal: AbortSignal; log: unknown }) =>
          run(value, { signal: new AbortController().signal, log: ctx.log } as never),
      })),
      'the signal of the caller dooms the run',
    ],
    [
      'does not let generators clean up',
      like(({ run }) => ({
        run: (value: unknown, ctx: never) => {
          const generator = run(value, ctx) as AsyncGenerator
          const open = { next: () => generator.next(), [Symbol.asyncIterator]: () => open }
          return open
        },
      })),
      'a generator cleans up when nobody wants more of it',
    ],
  ]

  test.for(offenders)('%s', async ([, executor, name]) => {
    await expect(caseOf(executor, name).run()).rejects.toThrow()
  })
})
