import { expect, test } from 'vitest'
import { range } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { inThreadsAndProcesses, lineOf, type Make } from './worker-lines.js'

type Pipeline = Awaited<ReturnType<typeof standing>>

/** A standing pipeline of one coroutine in a worker, which has earned to get several calls in one message. */
async function standing(
  make: Make,
  stage: string | { coro: string; timeoutMs?: number },
  more: object = {},
): ReturnType<typeof open> {
  return open(make, stage, more)
}

async function open(
  make: Make,
  stage: string | { coro: string },
  { graceMs = 300, ...more }: { graceMs?: number; tap?: (value: never) => unknown; env?: object },
) {
  const { tap, ...options } = more
  const nodes = { in: 'std.inlet', a: stage, ...(tap && { tap }) }
  const plumber = await lineOf(make(), 'odd.mjs', nodes, options as never)
  return plumber.createPipeline({ graceMs })
}

async function warm(pipeline: Pipeline): Promise<void> {
  for (let round = 0; round < 5; round++) await Promise.all(range(200).map(() => pipeline.processAll(0)))
}

const codeOf = ({ code }: { readonly code: string }): string => code

inThreadsAndProcesses('requests', (make) => {
  test('each get their own answer', async () => {
    const pipeline = await standing(make, 'same')
    expect(await Promise.all(range(500).map((n) => pipeline.process(n)))).toEqual(range(500))
    expectBalancedBooks(await pipeline.drain())
  })

  test('have an environment of their own, whatever that of the run holds', async () => {
    const pipeline = await standing(make, 'envOf', { env: { open: () => 1, run: 'r' } })
    const answers = await Promise.all(['a', 'b'].map((user) => pipeline.process(1, { env: { user, call: () => 1 } })))
    expect(answers).toEqual([
      { run: 'r', user: 'a' },
      { run: 'r', user: 'b' },
    ])
    await pipeline.drain()
  })

  test('that are cancelled do not end the worker of those before them', async () => {
    const pipeline = await standing(make, 'mixed')
    await warm(pipeline)
    const abort = new AbortController()
    const slow = pipeline.process(800)
    const cancelled = pipeline.process(1, { signal: abort.signal }).catch(codeOf)
    setTimeout(() => abort.abort(), 30)
    expect([await cancelled, await slow]).toEqual(['PLB_RUN_CANCELLED', 800])
    expectBalancedBooks(await pipeline.drain())
  })

  test('that are cancelled as their generator ends take nothing from the next', async () => {
    const abort = new AbortController()
    const tap = (value: unknown): unknown => {
      if (value === 'A.2') abort.abort()
      return value
    }
    const pipeline = await standing(make, 'mixed', { tap })
    await warm(pipeline)
    const first = pipeline.processAll('A', { signal: abort.signal }).catch(codeOf)
    const others = await Promise.all(['B', 'C'].map((name) => pipeline.processAll(name)))
    expect([await first, others]).toEqual([
      'PLB_RUN_CANCELLED',
      ['B', 'C'].map((name) => range(5).map((n) => `${name}.${n}`)),
    ])
    expectBalancedBooks(await pipeline.drain())
  })

  test('that run out of time let the worker go on, if the call obeys', async () => {
    const pipeline = await standing(make, { coro: 'obeys', timeoutMs: 50 })
    const codes = await Promise.all(range(3).map((n) => pipeline.process(n).catch(codeOf)))
    expect(codes).toEqual(Array(3).fill('PLB_NODE_TIMEOUT'))
    expectBalancedBooks(await pipeline.drain())
  })

  test('that spin are ended, and those behind them get a worker', async () => {
    const pipeline = await standing(make, { coro: 'spins', timeoutMs: 50 })
    const answers = ['spin', 1, 'spin', 2].map((value) => pipeline.process(value).catch(codeOf))
    expect(await Promise.all(answers)).toEqual(['PLB_NODE_TIMEOUT', 1, 'PLB_NODE_TIMEOUT', 2])
    expectBalancedBooks(await pipeline.drain())
  })

  test('are not charged for the setup of their worker', async () => {
    const pipeline = await standing(make, { coro: 'setsUp.slowly', timeoutMs: 600 })
    expect(await pipeline.process(1)).toBe('ready 1')
    await pipeline.drain()
  })

  test('that are cancelled in any order leave the others alone', async () => {
    const pipeline = await standing(make, 'mixed')
    await warm(pipeline)
    const aborts = range(100).map(() => new AbortController())
    const answers = aborts.map(({ signal }, n) => pipeline.process(n % 3, { signal }).catch(codeOf))
    for (const [n, abort] of aborts.entries()) if (n % 2 === 0) abort.abort()
    const settled = await Promise.all(answers)
    expect(settled.filter((_, n) => n % 2 === 1)).toEqual(
      range(100)
        .filter((n) => n % 2 === 1)
        .map((n) => n % 3),
    )
    expectBalancedBooks(await pipeline.drain())
  })
})
